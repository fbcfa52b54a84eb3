"""Puts the demo team, its people, sample pictures and edit vectors in place."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from webapp.config import demo


class Command(BaseCommand):
    help = "Add the demo team, sample pictures and edit vectors that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        report = demo.seed(now=timezone.now())
        for line in report or ["The demo data is in place already."]:
            self.stdout.write(line)
