"""Who may know whom, and what the web process starts without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

START_WITHOUT_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "editing", "gpu_worker"):
            raise ImportError(f"{name} must not be needed here")

sys.meta_path.insert(0, Refuse())
import webapp.config.asgi
import webapp.config.celery
import webapp.config.schemas
import webapp.jobs.worker
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"torch", "editing", "gpu_worker"}, loaded
print("started")
"""


def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "webapp.config.settings",
        "DATABASE_URL": "postgresql://nobody@/nothing",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "x" * 40,
        "ARTIFACTS_DIR": str(tmp_path),
    }


def python(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip


def test_the_web_process_starts_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    done = python("-c", START_WITHOUT_TORCH, env=environment(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "started" in done.stdout


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )

    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("package", ["webapp"])
def test_sync_code_with_rows_never_calls_into_an_event_loop(package: str) -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if "async_to_sync" in path.read_text(encoding="utf-8")
    ]

    assert guilty == []


def test_reads_over_http_are_scoped_to_who_asks() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for name in ("api.py", "selectors.py")
        for path in (ROOT / "webapp").rglob(name)
        if ".objects.all()" in path.read_text(encoding="utf-8")
    ]

    assert guilty == []
