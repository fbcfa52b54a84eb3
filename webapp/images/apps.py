"""What does the images app set up when a process starts?"""

from django.apps import AppConfig


class ImagesConfig(AppConfig):
    name = "webapp.images"

    def ready(self) -> None:
        from webapp.accounts import quotas
        from webapp.families import guests as families
        from webapp.images import handlers, policies
        from webapp.images.models import Image, ShareGuest
        from webapp.jobs import guests

        handlers.register()
        guests.register(
            images=lambda user: ShareGuest.objects.of(user).values("link__image"),
            may_edit=policies.may_edit_image,
        )
        families.register(
            lambda user: ShareGuest.objects.of(user).values("link__image__bundle")
        )
        quotas.register(
            "pictures",
            title="pictures",
            setting="QUOTA_PICTURES",
            used=lambda team: Image.objects.filter(team=team).live().count(),
        )
