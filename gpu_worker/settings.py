"""Which settings does a worker read from its environment, and are they sound?

The Django settings that jobs, artifacts and Redis need are read by Django itself; these are
the worker's own. Every malformed name is reported in one message.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[1]


class WorkerSettingsError(Exception):
    """The environment is not fit to start with; the message names every fault."""


class WorkerSettings(BaseSettings):
    """The environment of a worker, typed and frozen."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, extra="ignore")

    BUNDLES_DIR: Path = REPOSITORY / "bundles"
    FAMILIES_DIR: Path = REPOSITORY / "var" / "published-families"
    WORKSHOP_DIR: Path = REPOSITORY / "var" / "workshop"
    # `studio` serves people who wait: edits, previews, measuring. `workshop` makes families,
    # for minutes to hours, and takes what the others leave of the machine.
    ROLE: Literal["studio", "workshop"] = "studio"
    # After so long a job that makes a family lets one of somebody else go first.
    SLICE_SECONDS: Annotated[float, Field(ge=1)] = 600.0
    # How much of a training a kill may cost; the network's state is written so often.
    CHECKPOINT_SECONDS: Annotated[float, Field(ge=1)] = 30.0
    REDIS_URL: str
    DEVICE: Literal["auto", "cpu", "cuda"] = "auto"
    # Threads of one operation on the CPU. 0 leaves a core to the other processes.
    TORCH_THREADS: Annotated[int, Field(ge=0, le=256)] = 0
    # Pictures of one preview batch.
    PREVIEW_BATCH: Annotated[int, Field(ge=1, le=256)] = 16
    # How long a job stays ours after its last step. Longer than any step takes.
    LEASE_SECONDS: Annotated[float, Field(ge=2, le=600)] = 15.0
    # A step that takes longer than this is taken for hung; the process ends itself.
    STEP_SECONDS: Annotated[float, Field(ge=5, le=3600)] = 120.0
    # Frames of a running job, at most this many a second.
    FRAMES_PER_SECOND: Annotated[float, Field(gt=0, le=60)] = 20.0
    # Weights kept on the device; the bundle used longest ago goes first.
    BUNDLE_BYTES: Annotated[int, Field(ge=1)] = 2 << 30
    # Weights of VGG16, and of LPIPS on it, if appearance is to be judged by them.
    LPIPS_VGG16: Path | None = None
    LPIPS_LINEAR: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `read_settings` says what counts, so that a test can pass an environment of its own.
        return (init_settings,)


def read_settings(environment: Mapping[str, str] | None = None) -> WorkerSettings:
    """Return the settings in `environment`, by default that of this process.

    Raises:
        WorkerSettingsError: names are missing or malformed; one line for each.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {
        name: source[name] for name in WorkerSettings.model_fields if source.get(name)
    }
    try:
        return WorkerSettings(**values)
    except ValidationError as error:
        lines = "\n".join(f"  {fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise WorkerSettingsError(
            f"The environment of the worker needs mending:\n{lines}"
        ) from error
