"""What does the images app set up when a process starts?"""

from django.apps import AppConfig


class ImagesConfig(AppConfig):
    name = "webapp.images"

    def ready(self) -> None:
        from webapp.images import handlers

        handlers.register()
