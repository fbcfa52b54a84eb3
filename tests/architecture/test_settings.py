"""Settings fail loudly and completely."""

from pathlib import Path

import pytest

from webapp.config.env import SettingsError, WebSettings, read_settings

SOUND = {
    "DATABASE_URL": "postgresql://me@/atelier?host=/run/postgresql",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SECRET_KEY": "k" * 40,
    "ARTIFACTS_DIR": "var/artifacts",
}


def test_a_sound_environment_is_read_and_typed() -> None:
    found = read_settings({**SOUND, "ORIGINS": "https://a.example, https://b.example:8443"})

    assert found.ORIGINS == ("https://a.example", "https://b.example:8443")
    assert Path("var/artifacts") == found.ARTIFACTS_DIR
    assert found.DEBUG is False


def test_every_fault_is_named_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {"DATABASE_URL": "mysql://x", "SECRET_KEY": "short", "DEBUG": "perhaps",
             "ORIGINS": "*", "ALLOWED_HOSTS": "*.example.com", "DATABASE_POOL_SIZE": "500"}
        )  # fmt: skip

    text = str(caught.value)
    for line in (
        "REDIS_URL: is missing",
        "ARTIFACTS_DIR: is missing",
        "DATABASE_URL: must begin with postgresql://",
        "SECRET_KEY: must have at least 32 characters",
        "ORIGINS: must not hold a wildcard",
        "ALLOWED_HOSTS: must not hold a wildcard",
        "DATABASE_POOL_SIZE: must be from 1 to 50",
        "DEBUG:",
    ):
        assert line in text


def test_no_secret_is_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {**SOUND, "SECRET_KEY": "hunter2", "DATABASE_URL": "mysql://root:tulip@x"}
        )

    assert "hunter2" not in str(caught.value)
    assert "tulip" not in str(caught.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("f" * 50 + "\n")
    names = {name: value for name, value in SOUND.items() if name != "SECRET_KEY"}

    found = read_settings({**names, "SECRET_KEY_FILE": str(tmp_path / "key")})

    assert found.SECRET_KEY == "f" * 50


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    names = {name: value for name, value in SOUND.items() if name != "SECRET_KEY"}

    with pytest.raises(SettingsError, match="SECRET_KEY_FILE: cannot be read"):
        read_settings({**names, "SECRET_KEY_FILE": str(tmp_path / "none")})


def test_settings_cannot_be_changed_once_read() -> None:
    found = read_settings(SOUND)

    with pytest.raises(ValueError, match="frozen"):
        found.DEBUG = True  # type: ignore[misc]  # that it is refused is the point


def test_nothing_but_the_settings_modules_reads_the_environment() -> None:
    root = Path(__file__).resolve().parents[2]
    allowed = {"webapp/config/env.py", "gpu_worker/settings.py"}
    # Naming the settings module before Django wakes up is not a setting of ours.
    naming = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE"'
    guilty = []
    for package in ("webapp", "gpu_worker", "editing"):
        for path in (root / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8").replace(naming, "")
            name = str(path.relative_to(root))
            if name not in allowed and ("os.environ" in text or "os.getenv" in text):
                guilty.append(name)

    assert guilty == []


def test_queues_carry_json_and_keep_no_results() -> None:
    from tests import checking_settings

    celery = checking_settings.CELERY
    assert celery["accept_content"] == ["json"]
    assert (celery["task_serializer"], celery["result_backend"]) == ("json", None)
    assert celery["task_acks_late"] is False
    assert (
        celery["beat_schedule"]["sweep"]["options"]["expires"]
        < (celery["beat_schedule"]["sweep"]["schedule"])
    )


def test_every_setting_has_its_sentence_in_the_operator_guide() -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
    text = guide.read_text(encoding="utf-8")

    missing = [name for name in WebSettings.model_fields if f"`{name}`" not in text]

    assert missing == []
