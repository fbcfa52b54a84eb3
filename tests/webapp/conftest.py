"""Who and what the tests of the web platform share."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.factories import rows

# Models can be imported only once Django is set up, which is after this file is loaded.


@pytest.fixture
def who(db: None) -> "rows.People":
    """Owner, teammate and stranger."""
    from tests.factories import rows

    return rows.people()


@pytest.fixture(autouse=True)
def bundle(settings: Any, tmp_path: Path) -> Path:
    """The folder of bundles, with the manifest of one tiny family."""
    from tests.factories import rows

    folder = tmp_path / "bundles"
    rows.write_manifest(folder)
    settings.BUNDLES_DIR = folder
    settings.FAMILIES_DIR = tmp_path / "published-families"
    settings.WORKSHOP_DIR = tmp_path / "workshop"
    # Hashing slowly is for real passwords; here it would be most of the time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return folder
