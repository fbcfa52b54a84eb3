"""What do rooms set up when a process starts?"""

from django.apps import AppConfig


class RoomsConfig(AppConfig):
    name = "webapp.rooms"

    def ready(self) -> None:
        from webapp.images import hooks
        from webapp.rooms import services

        hooks.register_head_changed(services.follow_head)
