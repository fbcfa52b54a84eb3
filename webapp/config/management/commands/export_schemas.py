"""Writes the published schemas to where the front end and the golden tests read them."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from webapp.config import schemas
from webapp.config.env import REPOSITORY


class Command(BaseCommand):
    help = "Write the schemas of HTTP, socket messages and jobs."

    def handle(self, *args: Any, **options: Any) -> None:
        front_end = REPOSITORY / "frontend" / "src" / "api"
        golden = REPOSITORY / "tests" / "contract"
        http, messages = schemas.http(), schemas.socket_messages()
        for path, document in (
            (front_end / "openapi.json", http),
            (front_end / "messages.json", messages),
            (golden / "http.json", http),
            (golden / "messages.json", messages),
            (golden / "jobs.json", schemas.jobs()),
        ):
            self._write(path, document)

    def _write(self, path: Path, document: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")
        self.stdout.write(str(path.relative_to(REPOSITORY)))
