"""Writes the published schemas into the repository, without a server running."""

import os
import tempfile
from pathlib import Path

import django


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="webapp.config.settings",
            DATABASE_URL="postgresql://nobody@127.0.0.1/nothing",
            REDIS_URL="redis://127.0.0.1:1/0",
            SECRET_KEY="never-used-to-sign-anything-" + "x" * 32,
            ARTIFACTS_DIR=str(Path(folder)),
        )
        django.setup()
        from django.core.management import call_command

        call_command("export_schemas")


if __name__ == "__main__":
    main()
