"""What does the accounts app set up when a process starts?"""

from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "webapp.accounts"

    def ready(self) -> None:
        from allauth.account.signals import user_signed_up

        from webapp.accounts import services

        def on_sign_up(sender: object, *, user: Any, **_: object) -> None:
            services.welcome(user=user)

        user_signed_up.connect(on_sign_up, weak=False, dispatch_uid="accounts.welcome")
