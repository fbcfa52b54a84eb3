"""Jobs, for operators: what waits, what failed and why. Not what they are about."""

from django.contrib import admin

from webapp.common import operators
from webapp.jobs.models import Job


@admin.register(Job, site=operators.site)
class JobAdmin(operators.ReadOnlyAdmin[Job]):
    list_display = (
        "created_at", "kind", "lane", "status", "num_attempts", "team", "owner", "error_code",
    )  # fmt: skip
    list_filter = ("status", "kind", "lane", "error_code")
    list_select_related = ("team", "owner")
    exclude = ("request", "result")
    date_hierarchy = "created_at"
