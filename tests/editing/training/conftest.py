"""Renders drawn once for all tests of training."""

from pathlib import Path

import pytest

from editing.training.pipeline import Pipeline
from tests.factories.training import tiny_pipeline


@pytest.fixture(scope="session")
def drawn_renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny pipeline's renders."""
    folder = tmp_path_factory.mktemp("training")
    for _ in tiny_pipeline(folder).draw():
        pass
    return folder / "renders"


@pytest.fixture
def pipeline(drawn_renders: Path, tmp_path: Path) -> Pipeline:
    """Return a tiny pipeline with renders and without any trained stage."""
    (tmp_path / "renders").symlink_to(drawn_renders)
    return tiny_pipeline(tmp_path)
