"""Signatures tell edits apart, and a painting finds the vector that would do it."""

import subprocess
import sys

import numpy as np
import pytest

from editing import effect_signature as es


def face(*, mouth: list[tuple[int, int]]) -> np.ndarray:
    """Return a label map 32 x 32 of skin (1) with mouth (2) pixels at (row, column)."""
    labels = np.ones((32, 32), np.uint8)
    for row, column in mouth:
        labels[row, column] = 2
    return labels


FLAT = face(mouth=[(20, c) for c in range(10, 22)])
SMILE = face(mouth=[(20 - 2 * (abs(c - 15.5) > 4), c) for c in range(10, 22)])
FROWN = face(mouth=[(20 + 2 * (abs(c - 15.5) > 4), c) for c in range(10, 22)])
WIDER = face(mouth=[(20, c) for c in range(7, 25)])


def test_a_painting_has_length_one_and_nothing_painted_is_zero():
    assert np.linalg.norm(es.painting_signature(FLAT, SMILE)) == pytest.approx(1)
    assert es.painting_signature(FLAT, SMILE).shape == (es.LABEL_LENGTH,)
    assert not es.painting_signature(FLAT, FLAT).any()


def test_opposite_bends_of_a_mouth_have_opposite_signs_at_its_slot():
    bend = 2 * es.PER_PART + 7

    assert es.painting_signature(FLAT, SMILE)[bend] < 0
    assert es.painting_signature(FLAT, FROWN)[bend] > 0


def test_the_same_painting_elsewhere_is_nearer_than_another_painting_here():
    def shifted(labels):
        return np.roll(labels, 3, axis=1)

    smile = es.painting_signature(FLAT, SMILE)
    same = es.similarity(smile, es.painting_signature(shifted(FLAT), shifted(SMILE)))

    assert same > es.similarity(smile, es.painting_signature(FLAT, WIDER))
    assert same > es.similarity(smile, es.painting_signature(FLAT, FROWN))


def test_growth_is_positive_and_shrinking_negative_relative_to_the_part():
    grown = es.label_changes(FLAT[None].astype(np.int64), WIDER[None].astype(np.int64))
    slot = grown[0, 2 * es.PER_PART : 3 * es.PER_PART]

    assert slot[0] == pytest.approx((6 / 1024) / (15 / 1024 + es.SMALL))
    assert slot[4] > 0  # wider
    assert slot[2] == pytest.approx(0)  # centre stays


def test_families_of_many_parts_have_signatures_too_and_share_slots():
    def renumbered(labels):
        return np.where(labels == 2, es.NUM_SLOTS + 2, labels)

    many = es.painting_signature(renumbered(FLAT), renumbered(SMILE))

    assert many == pytest.approx(es.painting_signature(FLAT, SMILE))


def test_an_edit_seen_on_several_pictures_keeps_what_they_agree_on():
    before = np.stack([FLAT] * 4)
    images = np.zeros((4, 3, 32, 32))
    redder = images.copy()
    redder[:, 0] += 0.2 * (before == 2)
    noise = images + 0.2 * np.array([1, -1, 1, -1])[:, None, None, None]

    steady = es.of_edits(before, np.stack([SMILE] * 4), images, redder)
    wavering = es.of_edits(before, np.stack([SMILE, FROWN] * 2), images, noise)

    mouth = es.LABEL_LENGTH + 2 * es.PER_PART_COLOR
    assert steady.shape == (es.LENGTH,)
    assert steady[mouth + 1] > 0.5  # red against green
    assert abs(wavering[mouth]) < 1e-6  # lightness went up as often as down
    assert abs(wavering[2 * es.PER_PART + 7]) < abs(steady[2 * es.PER_PART + 7])


def test_a_painting_finds_the_edit_that_does_it():
    def edit(after):
        return es.of_edits(
            np.stack([FLAT] * 2), np.stack([after] * 2), np.zeros((2, 3, 8, 8)),
            np.zeros((2, 3, 8, 8)),
        )  # fmt: skip

    library = {"smile": edit(SMILE), "frown": edit(FROWN), "wider": edit(WIDER)}
    painted = es.painting_signature(FLAT, SMILE)

    found = max(library, key=lambda name: es.similarity(painted, es.label_half(library[name])))

    assert found == "smile"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FLAT, FLAT[:16]),
        (FLAT.astype(np.int64) - 2, FLAT),
        (np.zeros(3), np.zeros(3)),
    ],
)
def test_label_maps_that_do_not_fit_are_refused(before, after):
    with pytest.raises(es.SignatureError, match=r"label maps|part ids") as refusal:
        es.painting_signature(before, after)
    assert refusal.value.code == "signature.input"


def test_searching_needs_no_torch():
    program = "import sys; import editing.effect_signature; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
