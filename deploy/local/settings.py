"""What may be set for a local run, and what follows from it for every process?

`PORT`, `VAR_DIR`, `DATABASE_URL` and `REDIS_URL`; everything else has one sensible value.
"""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class LocalError(Exception):
    """Atelier cannot start here; the message is one line saying what to do."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Where a local run listens and keeps its data. Without an address a server is embedded."""

    port: int
    var_dir: Path
    database_url: str | None
    redis_url: str | None
    bundles_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, *, database_url: str, redis_url: str) -> dict[str, str]:
        """Return the environment of all processes: our own, then what they must agree on."""
        ours = {
            "DJANGO_SETTINGS_MODULE": "webapp.config.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": secret_key(self.var_dir),
            "ARTIFACTS_DIR": str(self.var_dir / "artifacts"),
            "BUNDLES_DIR": str(self.bundles_dir),
            "FAMILIES_DIR": str(self.var_dir / "published-families"),
            "WORKSHOP_DIR": str(self.var_dir / "workshop"),
            "PUBLIC_URL": self.url,
            "ORIGINS": f"{self.url},http://localhost:{self.port}",
            "MAIL_DIR": str(self.var_dir / "mail"),
            "PYTHONUNBUFFERED": "1",
        }
        return {**os.environ, **ours}


def read_settings(environment: Mapping[str, str]) -> LocalSettings:
    """Return the settings in `environment`.

    Raises:
        LocalError: PORT is no port.
    """
    port = environment.get("PORT") or "8000"
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        raise LocalError(f"PORT is {port!r}; give a number from 1 to 65535.")
    return LocalSettings(
        port=int(port),
        var_dir=(ROOT / (environment.get("VAR_DIR") or "var")).resolve(),
        database_url=environment.get("DATABASE_URL") or None,
        redis_url=environment.get("REDIS_URL") or None,
        bundles_dir=(ROOT / (environment.get("BUNDLES_DIR") or "bundles")).resolve(),
    )


def secret_key(var_dir: Path) -> str:
    """Return the secret key of this data folder, made the first time it is asked for."""
    path = var_dir / "secret-key"
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: a start that is cut off leaves no half key behind.
        with tempfile.NamedTemporaryFile("w", dir=var_dir, delete=False) as file:
            file.write(secrets.token_urlsafe(50))
        Path(file.name).replace(path)
    return path.read_text().strip()
