"""The Celery application of the `io` and `beat` processes: JSON only, no result backend."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")

from django.conf import settings

app = Celery("atelier")
app.conf.update(settings.CELERY)
app.autodiscover_tasks(
    ["webapp.jobs", "webapp.library", "webapp.accounts", "webapp.webhooks", "webapp.workshop"]
)
