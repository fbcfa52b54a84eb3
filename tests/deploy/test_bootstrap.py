"""What a newcomer is told when something is missing, and what is not done twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import bootstrap
from deploy.local.bootstrap import NotReady

ROOT = Path(__file__).resolve().parents[2]


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path that holds nothing but what a test puts there."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def frontend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A front end of two files in a repository of its own."""
    folder = tmp_path / "frontend"
    (folder / "src").mkdir(parents=True)
    (folder / "package-lock.json").write_text("{}")
    (folder / "src" / "main.ts").write_text("export {};")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "FRONTEND", folder)
    return folder


def npm(tools: Path, frontend: Path) -> Path:
    """Put a Node and an npm there that note what they are asked; return the notes."""
    notes = tools / "notes"
    program(tools, "node", "echo v22.1.0")
    program(
        tools,
        "npm",
        f'echo "$1" >> {notes}\n'
        '[ "$1" = ci ] && /bin/mkdir -p node_modules\n'
        '[ "$1" = run ] && { /bin/mkdir -p dist; echo page > dist/index.html; }\n'
        "exit 0",
    )
    return notes


def test_a_missing_node_is_one_line_that_says_what_to_do(tools: Path) -> None:
    with pytest.raises(NotReady, match=r"Node 20 or newer is needed .* was not found; install"):
        bootstrap.find_node()


def test_an_old_node_is_named(tools: Path) -> None:
    program(tools, "node", "echo v18.20.4")
    program(tools, "npm", "exit 0")

    with pytest.raises(NotReady, match=r"this is v18\.20\.4; update it"):
        bootstrap.find_node()


def test_an_old_python_looks_for_a_newer_one_on_the_path(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(NotReady, match=r"3\.11 or newer is needed and this is 3\.9"):
        bootstrap.find_python()

    program(tools, "python3.12", "exit 0")

    assert bootstrap.find_python() == str(tools / "python3.12")


def test_a_broken_download_of_packages_says_that_it_can_be_repeated(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "python", "exit 1")
    lock = tmp_path / "requirements.lock"
    lock.write_text("nothing==1\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "LOCK", lock)

    with pytest.raises(NotReady, match="check the network and disk space and run again"):
        bootstrap.prepare_python()

    assert not (tmp_path / ".atelier-lock").exists()


def test_packages_are_installed_once_per_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    program(tmp_path / "bin", "python", f"echo installed >> {notes}")
    lock = tmp_path / "requirements.lock"
    lock.write_text("one==1\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "LOCK", lock)

    bootstrap.prepare_python()
    bootstrap.prepare_python()
    assert notes.read_text().count("installed") == 1

    lock.write_text("one==2\n")
    bootstrap.prepare_python()
    assert notes.read_text().count("installed") == 2


def test_the_interface_is_built_once_and_again_when_a_source_changes(
    tools: Path, frontend: Path
) -> None:
    notes = npm(tools, frontend)

    bootstrap.prepare_frontend()
    bootstrap.prepare_frontend()
    assert notes.read_text().split() == ["ci", "run"]

    (frontend / "src" / "main.ts").write_text("export const changed = 1;")
    bootstrap.prepare_frontend()
    assert notes.read_text().split() == ["ci", "run", "run"]


def test_a_built_interface_needs_no_node(tools: Path, frontend: Path) -> None:
    npm(tools, frontend)
    bootstrap.prepare_frontend()
    (tools / "node").unlink()

    bootstrap.prepare_frontend()


def test_a_failed_build_is_tried_again_next_time(tools: Path, frontend: Path) -> None:
    npm(tools, frontend)
    program(tools, "npm", '[ "$1" = ci ] && /bin/mkdir -p node_modules && exit 0\nexit 1')

    for _ in range(2):
        with pytest.raises(NotReady, match="could not be built"):
            bootstrap.prepare_frontend()


def test_an_unknown_step_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy/local/bootstrap.py"), "fly"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "Unknown: fly" in done.stdout
