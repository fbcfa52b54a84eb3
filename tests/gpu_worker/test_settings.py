import pytest

from gpu_worker.settings import WorkerSettingsError, read_settings

FINE = {"REDIS_URL": "redis://127.0.0.1:6379/0"}


def test_defaults_are_enough_with_a_redis() -> None:
    settings = read_settings(FINE)

    assert settings.DEVICE == "auto"
    assert settings.LEASE_SECONDS > settings.STEP_SECONDS / 60


def test_every_fault_is_named_in_one_message() -> None:
    with pytest.raises(WorkerSettingsError) as refusal:
        read_settings({"DEVICE": "abacus", "LEASE_SECONDS": "-1", "PREVIEW_BATCH": "many"})

    for name in ("REDIS_URL", "DEVICE", "LEASE_SECONDS", "PREVIEW_BATCH"):
        assert name in str(refusal.value)
