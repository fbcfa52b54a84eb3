"""Do the bundles of the repository weigh what a checkout may, and bring what they should?"""

from collections import Counter
from pathlib import Path

import pytest

from editing import bundle as bundles
from editing import families
from editing.benchmark.held_out import largest_bundle

MOST_BYTES = 25_000_000
FEWEST_VECTORS = 24


def test_the_weights_of_a_family_stay_under_25_mb():
    weights = Counter[str]()
    for path in Path("bundles").glob("*/**/*.safetensors"):
        weights[path.relative_to("bundles").parts[0].rsplit("-", 1)[0]] += path.stat().st_size
    assert weights["portraits"] > 0
    assert {family: size for family, size in weights.items() if size > MOST_BYTES} == {}


@pytest.mark.parametrize("family", families.names())
def test_every_family_ships_pictures_and_vectors_of_its_own_generator(family: str):
    path = largest_bundle(family)
    bundle = bundles.load_bundle(path)

    found = bundle.vectors()

    assert len(bundle.manifest.samples) >= 8
    for name in bundle.manifest.samples:
        assert (path / "samples" / f"{name}.png").exists()
    assert len(found) >= FEWEST_VECTORS
    for name, vector in found.items():
        assert vector.fingerprint == bundle.fingerprint
        assert vector.card["calibration"]["success"] >= 0.8
        assert (path / "vectors" / f"{name}.strips.webp").exists()
