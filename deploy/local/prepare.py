"""Brings database and demo data up to date; changes nothing if they are."""

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    call_command("seed_demo")


if __name__ == "__main__":
    main()
