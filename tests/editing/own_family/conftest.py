"""A tiny family of one's own, drawn once: 16 px, 24 samples, 4 of them proposed."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from editing.importers.folder import load_generator, save_generator
from editing.own_family import bring, labels, project, samples
from editing.own_family.schema import OwnSchema, template
from tests.factories.networks import tiny_generator

SCHEMA = OwnSchema(1, template("object").parts[:4])


def clock() -> Callable[[], float]:
    """Return a clock that ticks whenever it is read."""
    return itertools.count(0.0).__next__


def finish(steps):
    """Run a step to its end and return its last progress."""
    last = None
    for last in steps:
        assert 0 <= last.fraction <= 1
        assert last.sentence
    return last


def truth(folder: Path, sample: int) -> np.ndarray:
    """Return label maps that features tell: which of two channels are high."""
    generator = load_generator(folder / "generator")
    code = samples.read_codes(project.open_project(folder))[sample : sample + 1]
    tap = generator.synthesis(code, with_taps=True).taps[-1]
    high = tap[0, :2] > tap[0, :2].mean()
    return (high[0] + 2 * high[1]).numpy().astype(np.uint8)


def label(folder: Path, which) -> None:
    """Label samples by `truth`."""
    for sample in which:
        labels.save_labels(folder, sample, labels.to_png(truth(folder, sample), SCHEMA))


def proposed(folder: Path) -> list[int]:
    """Return the samples to label, in order."""
    return [each.sample for each in samples.read_samples(folder).proposed]


@pytest.fixture(scope="session")
def drawn_family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a family with generator, samples and parts; tests get copies of it."""
    root = tmp_path_factory.mktemp("own-family")
    save_generator(tiny_generator(), root / "generator", title="Tiny", license="CC0-1.0")
    folder = root / "family"
    project.create(folder, name="tiny-blocks", title="Tiny blocks")
    bring.bring_generator(folder, root / "generator")
    finish(samples.draw_samples(folder, clock=clock(), num=24, num_proposed=4))
    project.set_schema(folder, SCHEMA)
    return folder


@pytest.fixture
def family(drawn_family: Path, tmp_path: Path) -> Path:
    """Return a family with nothing labelled yet."""
    return Path(shutil.copytree(drawn_family, tmp_path / "family"))


@pytest.fixture
def labelled_family(family: Path) -> Path:
    """Return a family whose proposed samples are labelled."""
    label(family, proposed(family))
    return family
