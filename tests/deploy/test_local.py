"""What the runner refuses, and how it describes its processes to the supervisor."""

import configparser
import fcntl
import os
import shlex
import socket
from pathlib import Path

import pytest

from deploy.local.settings import LocalError, LocalSettings, read_settings, secret_key
from deploy.local.stack import Platform
from deploy.local.supervision import configuration, processes


def settings(folder: Path, *, port: int = 8000) -> LocalSettings:
    return LocalSettings(
        port=port, var_dir=folder, database_url=None, redis_url=None, bundles_dir=folder
    )


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(LocalError, match=r"PORT is .* give a number from 1 to 65535"):
        read_settings({"PORT": port})


def test_the_secret_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first = secret_key(tmp_path)

    assert len(first) >= 50
    assert secret_key(tmp_path) == first


def test_a_port_in_use_says_how_to_choose_another(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        platform = Platform(settings(tmp_path, port=port))

        with pytest.raises(LocalError, match=rf"Port {port} .*PORT={port + 1} make run"):
            platform.start()

        platform.stop()


def test_a_second_start_on_the_same_data_is_refused_and_names_the_first(
    tmp_path: Path,
) -> None:
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 17, http://127.0.0.1:8000\n")
        lock.flush()
        platform = Platform(settings(tmp_path))

        with pytest.raises(LocalError, match=r"already runs .*process 17, http://127"):
            platform.start()

        platform.stop()


def test_stopping_what_was_never_started_is_allowed(tmp_path: Path) -> None:
    platform = Platform(settings(tmp_path))

    platform.stop()
    platform.stop()


def test_every_process_is_restarted_and_tied_to_the_supervisor(tmp_path: Path) -> None:
    group = processes(port=8123, run_dir=tmp_path)

    parser = configparser.RawConfigParser()
    parser.read_string(
        configuration(group, root=tmp_path, run_dir=tmp_path, log_dir=tmp_path / "a%b")
    )

    assert {process.name for process in group} == {"gpu", "workshop", "web", "io", "beat"}
    for process in group:
        section = parser[f"program:{process.name}"]
        assert section["autorestart"] == "true"
        assert "a%%b" in section["stdout_logfile"]
        words = shlex.split(section["command"])
        assert words[3].endswith("deploy/local/child.py")
    assert "8123" in parser["program:web"]["command"]


def test_processes_agree_on_their_environment(tmp_path: Path) -> None:
    environment = settings(tmp_path, port=8123).environment(
        database_url="postgresql://a@/b", redis_url="redis://127.0.0.1:1/0"
    )

    assert environment["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert "http://127.0.0.1:8123" in environment["ORIGINS"]
    assert environment["ARTIFACTS_DIR"] == str(tmp_path / "artifacts")
    assert environment["PATH"] == os.environ["PATH"]
