"""Painting rules: each changes its own parts, in its own direction, and nothing else."""

from functools import lru_cache

import pytest
import torch
from torch import Tensor

from editing.families.factor_space import Factors
from editing.families.portraits import PORTRAITS
from editing.families.portraits.landmarks import PaintingImpossibleError
from editing.families.schema import PartSchema

SCHEMA = PORTRAITS.schema
RULES = PORTRAITS.painting_rules

MOUTH = {"upper_lip", "lower_lip", "mouth_interior", "teeth"}
EYES = {"eye_white", "iris", "pupil"}
BROWS = {"brow_left", "brow_right"}
BODY = {"skin", "neck", "clothing", "background", "ear_left", "ear_right"}

# What may gain or lose pixels under each rule.
TOUCHED = {
    "smile": MOUTH | BODY | {"hair", "beard", "nose", "headwear"},
    "frown": MOUTH | BODY | {"hair", "beard", "nose", "headwear"},
    "open_mouth": MOUTH | {"skin", "beard", "nose", "neck", "clothing", "headwear"},
    "closed_mouth": MOUTH | {"skin", "beard", "nose", "neck", "clothing", "headwear"},
    "fuller_lips": MOUTH | {"skin", "beard"},
    "thinner_lips": MOUTH | {"skin", "beard"},
    "wink": EYES | {"skin"},
    "narrower_nose": {"nose", "skin", "beard", "glasses"},
    "bigger_nose": {"nose", "skin", "beard", "glasses"},
    "smaller_nose": {"nose", "skin", "beard", "glasses"} | MOUTH,
    "slimmer_face": {part.name for part in SCHEMA.parts},
    "rounder_face": {part.name for part in SCHEMA.parts},
    "bigger_ears": {part.name for part in SCHEMA.parts} - MOUTH,
    "smaller_ears": {part.name for part in SCHEMA.parts} - MOUTH,
    "more_volume": {"hair", "background"},
    "bun": {"hair", "background"},
    "moustache": {"beard", "skin", "nose", "upper_lip"},
    "hoops": {"earrings", "background", "hair", "ear_left", "ear_right", "neck", "clothing"},
    "remove_earrings": {part.name for part in SCHEMA.parts},
    "bigger_eyes": EYES | {"skin", "nose", "ear_left", "ear_right", "background", "beard"},
    "smaller_eyes": EYES | {"skin", "nose", "glasses", "hair"} | BROWS,
    "bigger_irises": EYES,
    "gaze_left": EYES,
    "gaze_right": EYES,
    "raised_brows": BROWS | EYES | {"skin", "hair", "background", "glasses", "headwear"},
    "lowered_brows": BROWS
    | EYES
    | {"skin", "hair", "background", "glasses", "headwear", "nose"},
    "thick_brows": BROWS | {"skin", "hair"},
    "wider_nose": {"nose", "skin", "beard", "glasses"},
    "longer_hair": BODY | {"hair"},
    "shorter_hair": BODY | {"hair"},
    "fringe": {"hair", "skin"},
    "bare_forehead": {"hair", "skin"},
    "beard": {"beard", "skin", "neck", "clothing", "background"},
    "goatee": {"beard", "skin", "neck", "clothing", "background"},
    "remove_beard": {"beard", *BODY},
    "round_glasses": {part.name for part in SCHEMA.parts} - {"headwear"},
    "square_glasses": {part.name for part in SCHEMA.parts} - {"headwear"},
    "remove_glasses": {part.name for part in SCHEMA.parts},
    "beanie": {part.name for part in SCHEMA.parts} - MOUTH - {"clothing", "neck"},
}


def sample(n: int = 14, seed: int = 11) -> Factors:
    return PORTRAITS.factors.sample(n, torch.Generator().manual_seed(seed))


@lru_cache
def labels_of(size: int = 64) -> Tensor:
    return PORTRAITS.render(sample(), size=size).labels


def plain(**changes: float) -> Tensor:
    middle = PORTRAITS.factors.decode(torch.zeros(1, PORTRAITS.factors.code_dim))
    settings = {"age": 0.4, "fringe": 0.1, "mouth_open": 0.0} | changes
    factors = middle.replace(**settings)
    return PORTRAITS.render(factors, size=64).labels[0]


def mask(labels: Tensor, *names: str) -> Tensor:
    ids = torch.tensor([SCHEMA.id_of(name) for name in names])
    return torch.isin(labels.long(), ids)


def middle_column(labels: Tensor, *names: str) -> float:
    return float(mask(labels, *names).nonzero()[:, 1].float().mean())


def middle_row(labels: Tensor, *names: str) -> float:
    return float(mask(labels, *names).nonzero()[:, 0].float().mean())


def corner_rise(labels: Tensor) -> float:
    mouth = mask(labels, *MOUTH)
    columns = mouth.any(0).nonzero().flatten().tolist()
    rows = torch.arange(labels.shape[0]).float()
    ends = [float(rows[mouth[:, x]].mean()) for x in (columns[1], columns[-2])]
    center = float(rows[mouth[:, columns[len(columns) // 2]]].mean())
    return center - sum(ends) / 2


@pytest.mark.parametrize("name", RULES)
def test_a_rule_changes_only_the_parts_it_is_about(name: str) -> None:
    allowed = torch.tensor(sorted(SCHEMA.id_of(part) for part in TOUCHED[name]))
    applied = 0

    for labels in labels_of():
        before = labels.clone()
        try:
            painted = RULES[name](labels, SCHEMA)
        except PaintingImpossibleError:
            continue
        applied += 1
        moved = painted != labels

        assert torch.equal(labels, before), "the original was painted on"
        assert painted.shape == labels.shape
        assert painted.dtype == torch.uint8
        assert torch.isin(labels[moved].long(), allowed).all()
        assert torch.isin(painted[moved].long(), allowed).all()

    assert applied >= 1


@pytest.mark.parametrize("name", RULES)
def test_a_rule_paints_something_on_most_portraits_it_applies_to(name: str) -> None:
    changes = []

    for labels in labels_of():
        try:
            changes.append(int((RULES[name](labels, SCHEMA) != labels).sum()))
        except PaintingImpossibleError:
            continue

    assert sum(change >= 4 for change in changes) >= 0.6 * len(changes)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_works_at_other_sizes_too(name: str) -> None:
    small, large = labels_of(64)[:4], labels_of(128)[:4]

    for coarse, fine in zip(small, large, strict=True):
        try:
            share = float((RULES[name](coarse, SCHEMA) != coarse).float().mean())
            fine_share = float((RULES[name](fine, SCHEMA) != fine).float().mean())
        except PaintingImpossibleError:
            continue

        assert abs(share - fine_share) < 0.02 + 0.35 * max(share, fine_share)


def test_a_smile_rises_and_a_frown_falls_at_the_corners() -> None:
    labels = plain(smile=0.1)

    assert corner_rise(RULES["smile"](labels, SCHEMA)) > corner_rise(labels) + 1
    assert corner_rise(RULES["frown"](labels, SCHEMA)) < corner_rise(labels) - 1


def test_a_painted_smile_resembles_a_rendered_one() -> None:
    painted = RULES["smile"](plain(smile=0.2), SCHEMA)

    distances = {s / 10: int((plain(smile=s / 10) != painted).sum()) for s in range(-10, 13)}
    nearest = min(distances, key=distances.__getitem__)

    assert nearest >= 0.5
    assert distances[nearest] < distances[0.2]


def test_opening_and_closing_the_mouth() -> None:
    closed = plain()

    opened = RULES["open_mouth"](closed, SCHEMA)
    again = RULES["closed_mouth"](opened, SCHEMA)

    assert int(mask(opened, "mouth_interior").sum()) >= 8
    assert int(mask(opened, "teeth").sum()) >= 4
    assert middle_row(opened, "teeth") < middle_row(opened, "mouth_interior")
    assert middle_row(opened, "upper_lip") < middle_row(opened, "teeth")
    assert middle_row(opened, "lower_lip") > middle_row(opened, "mouth_interior")
    assert int(mask(again, "mouth_interior", "teeth").sum()) == 0
    with pytest.raises(PaintingImpossibleError):
        RULES["closed_mouth"](again, SCHEMA)


@pytest.mark.parametrize(
    ("name", "parts", "grows"),
    [
        ("fuller_lips", ["upper_lip", "lower_lip"], True),
        ("bigger_eyes", ["eye_white", "iris", "pupil"], True),
        ("smaller_eyes", ["eye_white", "iris", "pupil"], False),
        ("bigger_irises", ["iris", "pupil"], True),
        ("thick_brows", ["brow_left", "brow_right"], True),
        ("wider_nose", ["nose"], True),
        ("narrower_nose", ["nose"], False),
        ("bigger_nose", ["nose"], True),
        ("smaller_nose", ["nose"], False),
        ("thinner_lips", ["upper_lip", "lower_lip"], False),
        ("slimmer_face", ["skin"], False),
        ("rounder_face", ["skin"], True),
        ("bigger_ears", ["ear_left", "ear_right"], True),
        ("smaller_ears", ["ear_left", "ear_right"], False),
        ("more_volume", ["hair"], True),
        ("bun", ["hair"], True),
        ("moustache", ["beard"], True),
        ("hoops", ["earrings"], True),
        ("longer_hair", ["hair"], True),
        ("fringe", ["hair"], True),
        ("beard", ["beard"], True),
        ("goatee", ["beard"], True),
        ("round_glasses", ["glasses"], True),
        ("square_glasses", ["glasses"], True),
        ("beanie", ["headwear"], True),
    ],
)
def test_a_part_grows_or_shrinks_as_the_rule_says(
    name: str, parts: list[str], grows: bool
) -> None:
    labels = plain()

    painted = RULES[name](labels, SCHEMA)
    before, after = int(mask(labels, *parts).sum()), int(mask(painted, *parts).sum())

    assert after >= 1.1 * before + 3 if grows else after <= 0.9 * before


def test_a_painted_wink_is_the_rendered_one_but_for_the_brow() -> None:
    painted = RULES["wink"](plain(), SCHEMA)

    assert int((painted != plain(wink_left=1.0)).sum()) <= 16


def test_earrings_can_be_put_on_and_taken_off_again() -> None:
    labels = plain()

    off = RULES["remove_earrings"](RULES["hoops"](labels, SCHEMA), SCHEMA)

    assert int(mask(off, "earrings").sum()) == 0
    assert (off == labels).float().mean() > 0.99


def test_gaze_moves_both_pupils_and_leaves_the_lids() -> None:
    labels = plain()

    left, right = RULES["gaze_left"](labels, SCHEMA), RULES["gaze_right"](labels, SCHEMA)

    assert middle_column(left, "pupil") < middle_column(labels, "pupil") - 1
    assert middle_column(right, "pupil") > middle_column(labels, "pupil") + 1
    assert torch.equal(mask(left, *EYES), mask(labels, *EYES))


def test_brows_move_up_and_down_without_changing_size() -> None:
    labels = plain(fringe=0.0)

    raised = RULES["raised_brows"](labels, SCHEMA)
    lowered = RULES["lowered_brows"](labels, SCHEMA)

    assert middle_row(raised, *BROWS) < middle_row(labels, *BROWS) - 1
    assert middle_row(lowered, *BROWS) > middle_row(labels, *BROWS) + 0.5
    assert int(mask(raised, *BROWS).sum()) == int(mask(labels, *BROWS).sum())


def test_long_hair_becomes_short_and_a_fringe_is_combed_back() -> None:
    long, fringed = plain(hair_style=2.0), plain(hair_style=1.0, fringe=1.0)

    shorter = RULES["shorter_hair"](long, SCHEMA)
    bare = RULES["bare_forehead"](fringed, SCHEMA)

    assert int(mask(shorter, "hair").sum()) < 0.8 * int(mask(long, "hair").sum())
    assert int(mask(bare, "skin").sum()) > int(mask(fringed, "skin").sum()) + 20


@pytest.mark.parametrize("kind", ["round", "square"])
def test_glasses_can_be_put_on_and_taken_off_again(kind: str) -> None:
    labels = plain()

    worn = RULES[f"{kind}_glasses"](labels, SCHEMA)
    off = RULES["remove_glasses"](worn, SCHEMA)

    assert int(mask(worn, "glasses").sum()) > 60
    assert int(mask(off, "glasses").sum()) == 0
    assert (off == labels).float().mean() > 0.98


def test_painted_round_glasses_lie_where_rendered_ones_do() -> None:
    painted = mask(RULES["round_glasses"](plain(), SCHEMA), "glasses")
    rendered = mask(plain(glasses=1.0), "glasses")

    shared, either = (painted & rendered).sum(), (painted | rendered).sum()

    assert float(shared / either) > 0.5


def test_a_beard_can_be_grown_and_shaved() -> None:
    labels = plain()

    grown = RULES["beard"](labels, SCHEMA)
    shaved = RULES["remove_beard"](plain(beard=2.0), SCHEMA)

    rendered = mask(plain(beard=2.0), "beard")
    painted = mask(grown, "beard")
    assert float((painted & rendered).sum() / (painted | rendered).sum()) > 0.6
    assert int(mask(shaved, "beard").sum()) == 0
    assert (shaved == labels).float().mean() > 0.97


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("remove_glasses", {}),
        ("remove_beard", {}),
        ("remove_earrings", {}),
        ("hoops", {"earrings": 2.0}),
        ("moustache", {"beard": 2.0}),
        ("bun", {"headwear": 1.0}),
        ("fringe", {"hair_style": 5.0}),
        ("longer_hair", {"hair_style": 5.0}),
        ("shorter_hair", {"hair_style": 0.0}),
        ("beanie", {"headwear": 2.0}),
    ],
)
def test_what_cannot_be_painted_is_refused(name: str, changes: dict[str, float]) -> None:
    with pytest.raises(PaintingImpossibleError) as refusal:
        RULES[name](plain(**changes), SCHEMA)

    assert refusal.value.code == "painting.impossible"


def test_a_map_without_eyes_is_refused() -> None:
    empty = torch.zeros(64, 64, dtype=torch.uint8)

    for name in ("bigger_eyes", "round_glasses", "beard"):
        with pytest.raises(PaintingImpossibleError):
            RULES[name](empty, SCHEMA)


def test_rules_work_with_the_parts_of_a_bundle_made_before_earrings() -> None:
    older = PartSchema(family="portraits", version=1, parts=SCHEMA.parts[:20])
    labels = plain()

    assert torch.equal(
        RULES["bigger_ears"](labels, older), RULES["bigger_ears"](labels, SCHEMA)
    )
    for name in ("hoops", "remove_earrings"):
        with pytest.raises(PaintingImpossibleError):
            RULES[name](labels, older)
