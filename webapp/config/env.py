"""Which settings does the web platform read from its environment, and are they sound?

Nothing else reads the environment. Every missing or malformed name is reported in one
message, so that an operator mends them all at once. A secret may come from a file: where
`NAME_FILE` is set, its content is the value of `NAME`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import BeforeValidator, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SECRETS = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "MAIL_PASSWORD", "OIDC_CLIENT_SECRET")


class SettingsError(Exception):
    """The environment is not fit to start with; the message names every fault."""


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class WebSettings(BaseSettings):
    """The environment of every process that runs Django, typed and frozen."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, extra="ignore")

    DATABASE_URL: str
    REDIS_URL: str
    SECRET_KEY: str
    ARTIFACTS_DIR: Path
    DEBUG: bool = False
    ALLOWED_HOSTS: Names = ("127.0.0.1", "localhost")
    ORIGINS: Names = ("http://127.0.0.1:8000", "http://localhost:8000")
    PUBLIC_URL: str = "http://127.0.0.1:8000"
    BUNDLES_DIR: Path = REPOSITORY / "bundles"
    FAMILIES_DIR: Path = REPOSITORY / "var" / "published-families"
    WORKSHOP_DIR: Path = REPOSITORY / "var" / "workshop"
    WORKSHOP_UPLOAD_MB: int = 2048
    FRONTEND_DIST: Path = REPOSITORY / "frontend" / "dist"
    DATABASE_POOL_SIZE: int = 10
    MAIL_HOST: str = ""
    MAIL_PORT: int = 587
    MAIL_USER: str = ""
    MAIL_PASSWORD: str = ""
    MAIL_FROM: str = "Atelier <atelier@localhost>"
    MAIL_DIR: Path | None = None
    SIGN_UP: bool = True
    OIDC_ISSUER: str = ""
    OIDC_CLIENT_ID: str = ""
    OIDC_CLIENT_SECRET: str = ""
    OIDC_NAME: str = "Single sign-on"
    MEDIA_LINK_HOURS: int = 6
    RATE_READ: int = 1200
    RATE_WRITE: int = 300
    RATE_STRANGERS: int = 120
    QUOTA_MEMBERS: int = 50
    QUOTA_PICTURES: int = 5000
    QUOTA_VECTORS: int = 5000
    QUOTA_WEBHOOKS: int = 10
    QUOTA_FAMILIES: int = 20

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @field_validator("DATABASE_URL")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        try:
            conninfo_to_dict(value)
        except ProgrammingError as error:
            raise ValueError(f"is not a PostgreSQL address: {error}") from error
        return value

    @field_validator("REDIS_URL")
    @classmethod
    def _is_a_redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://")):
            raise ValueError("must begin with redis://")
        return value

    @field_validator("SECRET_KEY")
    @classmethod
    def _is_long(cls, value: str) -> str:
        if len(value) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("ALLOWED_HOSTS", "ORIGINS")
    @classmethod
    def _names_no_wildcard(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one")
        if any("*" in name for name in value):
            raise ValueError("must not hold a wildcard; name each one")
        return value

    @field_validator("ORIGINS")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            scheme, _, host = origin.partition("://")
            if scheme not in ("http", "https") or not host or "/" in host:
                raise ValueError(f"{origin} is not an origin such as https://example.com")
        return value

    @field_validator("OIDC_ISSUER")
    @classmethod
    def _is_an_issuer(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("must begin with https://")
        return value.rstrip("/")

    @field_validator(
        "MEDIA_LINK_HOURS", "RATE_READ", "RATE_WRITE", "RATE_STRANGERS", "QUOTA_MEMBERS",
        "QUOTA_PICTURES", "QUOTA_VECTORS", "QUOTA_WEBHOOKS", "QUOTA_FAMILIES", "MAIL_PORT",
        "WORKSHOP_UPLOAD_MB",
    )  # fmt: skip
    @classmethod
    def _is_positive(cls, value: int) -> int:
        if value < 1:
            raise ValueError("must be at least 1")
        return value

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> "WebSettings":
        if self.OIDC_ISSUER and not (self.OIDC_CLIENT_ID and self.OIDC_CLIENT_SECRET):
            raise ValueError("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET")
        return self

    @field_validator("DATABASE_POOL_SIZE")
    @classmethod
    def _is_a_pool_size(cls, value: int) -> int:
        if not 1 <= value <= 50:
            raise ValueError("must be from 1 to 50")
        return value


def read_settings(environment: Mapping[str, str] | None = None) -> WebSettings:
    """Return the settings in `environment`, by default that of this process.

    Raises:
        SettingsError: names are missing or malformed; one line for each.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name in WebSettings.model_fields:
        if name in source and source[name] != "":
            values[name] = source[name]
        elif name in SECRETS and source.get(f"{name}_FILE"):
            try:
                values[name] = Path(source[f"{name}_FILE"]).read_text().strip()
            except OSError as error:
                faults.append(f"{name}_FILE: cannot be read: {error.strerror}")
    try:
        settings = WebSettings(**values)
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0]) if fault["loc"] else "OIDC_ISSUER"
            if any(line.startswith(f"{name}_FILE:") for line in faults):
                continue
            missing = fault["type"] == "missing"
            text = fault["msg"].removeprefix("Value error, ")
            faults.append(f"{name}: " + ("is missing" if missing else text))
    if faults:
        lines = "\n".join(f"  {line}" for line in faults)
        raise SettingsError(f"The environment of Atelier needs mending:\n{lines}")
    return settings
