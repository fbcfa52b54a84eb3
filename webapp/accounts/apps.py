"""What does the accounts app set up when a process starts?"""

from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "webapp.accounts"

    def ready(self) -> None:
        from allauth.account.signals import user_signed_up
        from django.contrib.auth.signals import user_logged_out

        from webapp.accounts import services
        from webapp.common import events

        def on_sign_up(sender: object, *, user: Any, **_: object) -> None:
            services.welcome(user=user)

        def on_sign_out(sender: object, *, user: Any, **_: object) -> None:
            if user is not None:
                events.announce_access(user.pk)

        user_signed_up.connect(on_sign_up, weak=False, dispatch_uid="accounts.welcome")
        user_logged_out.connect(on_sign_out, weak=False, dispatch_uid="accounts.sign_out")
