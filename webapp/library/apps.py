"""What does the library set up when a process starts?"""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LibraryConfig(AppConfig):
    name = "webapp.library"

    def ready(self) -> None:
        from webapp.accounts import quotas
        from webapp.library import handlers
        from webapp.library.models import EditVector

        handlers.register()
        quotas.register(
            "vectors",
            title="edit vectors",
            setting="QUOTA_VECTORS",
            used=lambda team: EditVector.objects.live().filter(team=team).count(),
        )
        post_migrate.connect(_index_missing, sender=self)


def _index_missing(*, using: str, **_: Any) -> None:
    """Let search know of edit vectors from before it had a table of its own."""
    from webapp.library import index

    if using == "default":
        index.refresh_missing()
