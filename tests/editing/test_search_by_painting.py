"""The vectors that come with the portraits: a painting finds the one that would do it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from editing import effect_signature, families, vectors
from editing.errors import EditingError

BUNDLE = Path("bundles/portraits-64")
PORTRAITS = ("edith", "kofi", "mei", "tomas")


@pytest.fixture(scope="module")
def library() -> dict[str, np.ndarray]:
    """The label halves of the stored signatures, by name; no network is needed for them."""
    found = {}
    for path in sorted((BUNDLE / "vectors").glob("*.safetensors")):
        stored = vectors.load(path).card["signature"]
        assert stored["layout"] == effect_signature.LAYOUT
        found[path.stem] = effect_signature.label_half(stored["values"])
    return found


def test_paintings_on_the_samples_find_their_own_vector(library):
    family = families.get("portraits")
    ranks = []
    for portrait in PORTRAITS:
        labels = np.array(Image.open(BUNDLE / "samples" / f"{portrait}.labels.png"))
        for name in library:
            try:
                after = family.painting_rules[name](torch.from_numpy(labels), family.schema)
            except EditingError:
                continue  # The portrait has nothing that the rule could act on.
            if int((after.numpy() != labels).sum()) < 5:
                continue
            painted = effect_signature.painting_signature(labels, after.numpy())
            order = sorted(
                library,
                key=lambda other: effect_signature.similarity(painted, library[other]),
                reverse=True,
            )
            ranks.append(order.index(name) + 1)

    assert len(ranks) > 60
    assert np.mean([rank == 1 for rank in ranks]) >= 0.85
    assert np.mean([rank <= 3 for rank in ranks]) >= 0.95


def test_opposite_paintings_are_told_apart(library):
    def alike(one: str, other: str) -> float:
        return effect_signature.similarity(library[one], library[other])

    assert alike("beard", "goatee") > 0.7
    assert alike("raised_brows", "lowered_brows") < 0.5
    assert alike("bigger_nose", "smaller_nose") < 0.5
    assert alike("fuller_lips", "thinner_lips") < 0.5


def test_every_shipped_vector_says_whose_it_is_and_what_it_does():
    for path in sorted((BUNDLE / "vectors").glob("*.safetensors")):
        card = vectors.load(path).card

        assert card["license"] == "Apache-2.0", path
        assert len(card["model"]["fingerprint"]) == 64
        assert card["unit"].startswith("strength 1 changes")
        assert {"locality", "success", "additivity", "valid_range", "by_strength"} <= (
            card["calibration"].keys()
        )
