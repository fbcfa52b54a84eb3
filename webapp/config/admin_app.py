"""Where do operators work? In Django's admin site, entered through our own sign-in."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):
    default_site = "webapp.config.operators.OperatorSite"
