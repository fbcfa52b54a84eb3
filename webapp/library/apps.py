"""What does the library set up when a process starts?"""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "webapp.library"

    def ready(self) -> None:
        from webapp.library import handlers

        handlers.register()
