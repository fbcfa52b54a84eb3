"""What does the workshop set up when a process starts?"""

from django.apps import AppConfig


class WorkshopConfig(AppConfig):
    name = "webapp.workshop"

    def ready(self) -> None:
        from webapp.accounts import quotas
        from webapp.workshop import handlers
        from webapp.workshop.models import FamilyProject

        handlers.register()
        quotas.register(
            "families",
            title="families in the making",
            setting="QUOTA_FAMILIES",
            used=lambda team: FamilyProject.objects.filter(team=team).live().count(),
        )
