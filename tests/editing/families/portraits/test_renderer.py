"""The portrait renderer: what it promises to training and to the label maps."""

from pathlib import Path

import pytest
import torch

from editing.families.factor_space import Factors
from editing.families.portraits import PORTRAITS
from editing.families.portraits.factors import (
    BEARDS,
    EARRINGS,
    GLASSES,
    HAIR_STYLES,
    HEADWEAR,
)
from editing.families.portraits.renderer import render

GOLDEN = Path(__file__).parent / "golden_labels.txt"


def sample(n: int, seed: int = 0) -> Factors:
    return PORTRAITS.factors.sample(n, torch.Generator().manual_seed(seed))


def plain() -> Factors:
    """A young adult with a crop who looks straight ahead, nothing worn."""
    middle = PORTRAITS.factors.decode(torch.zeros(1, PORTRAITS.factors.code_dim))
    return middle.replace(age=0.4, fringe=0.1)


def count(labels: torch.Tensor, *names: str) -> int:
    ids = torch.tensor([PORTRAITS.schema.id_of(name) for name in names])
    return int(torch.isin(labels.long(), ids).sum())


def test_pictures_and_label_maps_have_the_promised_form() -> None:
    drawn = render(sample(3), size=40)

    assert drawn.image.shape == (3, 3, 40, 40)
    assert drawn.image.dtype == torch.float32
    assert float(drawn.image.min()) >= -1
    assert float(drawn.image.max()) <= 1
    assert drawn.image.isfinite().all()
    assert drawn.labels.shape == (3, 40, 40)
    assert drawn.labels.dtype == torch.uint8


def test_the_same_factors_always_give_the_same_picture() -> None:
    first, second = render(sample(4), size=48), render(sample(4), size=48)

    assert torch.equal(first.image, second.image)
    assert torch.equal(first.labels, second.labels)


def test_a_picture_does_not_depend_on_its_batch() -> None:
    factors = sample(6)

    together, alone = render(factors, size=48), render(factors[4], size=48)

    # Vector instructions may round the last bit differently at other batch sizes.
    torch.testing.assert_close(together.image[4:5], alone.image, atol=2e-5, rtol=0)
    assert (together.labels[4:5] != alone.labels).float().mean() < 1e-3


def test_label_maps_agree_between_sizes() -> None:
    factors = sample(24)

    coarse = render(factors, size=64).labels
    fine = render(factors, size=192).labels[:, 1::3, 1::3]

    assert (coarse == fine).float().mean() > 0.975


def test_pictures_agree_between_sizes() -> None:
    factors = sample(8)

    coarse = render(factors, size=64).image
    fine = torch.nn.functional.avg_pool2d(render(factors, size=256).image, 4)

    error = ((coarse - fine) / 2).pow(2).mean()
    assert -10 * float(error.log10()) > 30


def test_every_part_appears_large_enough_to_be_painted() -> None:
    labels = render(sample(200), size=64).labels

    for part in PORTRAITS.schema.parts:
        pixels = (labels == part.id).flatten(1).sum(1)
        shown = pixels[pixels > 0]
        assert len(shown) >= 10, f"{part.title} is too rare"
        assert float(shown.float().median()) >= 6, f"{part.title} is too small"


def test_both_eyes_show_iris_and_pupil_in_every_portrait_that_does_not_wink() -> None:
    labels = render(sample(100, seed=5).replace(wink_left=0.0, wink_right=0.0), size=64).labels

    for name, least in (("eye_white", 8), ("iris", 10), ("pupil", 6)):
        pixels = (labels == PORTRAITS.schema.id_of(name)).flatten(1).sum(1)
        assert int((pixels < least).sum()) <= 2, name


def test_left_and_right_are_sides_of_the_picture() -> None:
    labels = render(plain(), size=64).labels[0]

    for pair in ("brow", "ear"):
        left, right = (
            (labels == PORTRAITS.schema.id_of(f"{pair}_{side}")).nonzero()[:, 1].float().mean()
            for side in ("left", "right")
        )
        assert left < 32 < right


def test_a_smile_lifts_the_corners_of_the_mouth_above_its_middle() -> None:
    def corner_rise(smile: float) -> float:
        labels = render(plain().replace(smile=smile), size=128).labels[0]
        lips = torch.isin(labels.long(), torch.tensor([9, 10, 11, 12]))
        columns = lips.any(0).nonzero().flatten()
        rows = torch.arange(128.0)

        def height(x: int) -> float:
            return float(rows[lips[:, x]].mean())

        middle = int(columns.float().mean())
        return height(middle) - (height(int(columns[1])) + height(int(columns[-2]))) / 2

    assert corner_rise(1.0) > corner_rise(0.4) > corner_rise(-0.8)
    assert corner_rise(0.45) > 0
    assert corner_rise(-0.9) < 0


def test_the_inner_ends_of_brows_never_lie_below_the_outer_ends() -> None:
    for tilt in (0.0, 1.0):
        factors = plain().replace(brow_tilt=tilt, brow_raise=-1.0)
        labels = render(factors, size=256).labels[0]
        left = labels == PORTRAITS.schema.id_of("brow_left")
        columns = left.any(0).nonzero().flatten()
        rows = torch.arange(256.0)
        outer = rows[left[:, int(columns[3])]].mean()
        inner = rows[left[:, int(columns[-4])]].mean()

        assert inner <= outer + 1


def test_gaze_moves_the_pupils_to_the_side_looked_at() -> None:
    def middle(gaze: float) -> float:
        labels = render(plain().replace(gaze_x=gaze), size=64).labels[0]
        return float((labels == 7).nonzero()[:, 1].float().mean())

    assert middle(-0.9) < middle(0.0) - 1 < middle(0.9) - 2


@pytest.mark.parametrize(("side", "is_left"), [("left", True), ("right", False)])
def test_a_wink_closes_one_eye_and_leaves_the_other(side: str, is_left: bool) -> None:
    def eye_pixels(labels: torch.Tensor, left: bool) -> int:
        half = labels[:, :, :32] if left else labels[:, :, 32:]
        return count(half, "eye_white", "iris", "pupil")

    open_eyes = render(plain(), size=64).labels
    winking = render(plain().replace(**{f"wink_{side}": 1.0}), size=64).labels

    assert eye_pixels(winking, is_left) == 0
    assert eye_pixels(winking, not is_left) == eye_pixels(open_eyes, not is_left) > 40


@pytest.mark.parametrize(
    ("factor", "part"),
    [("nose_size", "nose"), ("ear_size", "ear_left"), ("lip_fullness", "lower_lip")],
)
def test_sizes_show_at_64_pixels(factor: str, part: str) -> None:
    small = count(render(plain().replace(**{factor: -1.0}), size=64).labels, part)
    large = count(render(plain().replace(**{factor: 1.0}), size=64).labels, part)

    assert large > 1.5 * small


def test_light_comes_from_the_side_and_the_height_it_is_asked_from() -> None:
    def brightness(**light: float) -> torch.Tensor:
        drawn = render(plain().replace(**light), size=64)
        skin = drawn.labels[0] == PORTRAITS.schema.id_of("skin")
        return drawn.image[0].mean(0) * skin

    left, right = brightness(light_x=-1.0), brightness(light_x=1.0)
    above, below = brightness(light_y=-1.0), brightness(light_y=1.0)

    assert left[:, :32].sum() > right[:, :32].sum()
    assert right[:, 32:].sum() > left[:, 32:].sum()
    assert above[:24].sum() > below[:24].sum()
    assert below[36:].sum() > above[36:].sum()


@pytest.mark.parametrize(
    ("factor", "options", "part"),
    [
        ("glasses", GLASSES, "glasses"),
        ("beard", BEARDS, "beard"),
        ("headwear", HEADWEAR, "headwear"),
        ("earrings", EARRINGS, "earrings"),
    ],
)
def test_things_worn_show_exactly_when_chosen(
    factor: str, options: tuple[str, ...], part: str
) -> None:
    for index, option in enumerate(options):
        labels = render(plain().replace(**{factor: float(index)}), size=64).labels

        shown = count(labels, part)

        assert shown == 0 if option == "none" else shown > 14, option


def test_hair_styles_have_silhouettes_of_their_own() -> None:
    masks = {
        style: render(plain().replace(hair_style=float(i)), size=64).labels[0] == 2
        for i, style in enumerate(HAIR_STYLES)
    }

    assert int(masks["bald"].sum()) == 0
    styles = [style for style in HAIR_STYLES if style != "bald"]
    for i, one in enumerate(styles):
        for other in styles[:i]:
            either, both = masks[one] | masks[other], masks[one] & masks[other]
            assert float(both.sum() / either.sum()) < 0.9, f"{one} looks like {other}"


def test_children_have_no_beards_and_scarves_cover_none() -> None:
    drawn = sample(2000, seed=9)

    has_beard = drawn.get("beard") > 0

    assert not (has_beard & (drawn.get("age") < 0.28)).any()
    assert not (has_beard & (drawn.get("headwear") == HEADWEAR.index("headscarf"))).any()
    assert 0.08 < float(has_beard.float().mean()) < 0.2
    assert 0.08 < float((drawn.get("headwear") > 0).float().mean()) < 0.16


def test_age_turns_hair_grey() -> None:
    def colourfulness(age: float) -> float:
        drawn = render(plain().replace(age=age, hair_tone=0.5), size=64)
        hair = drawn.image[0][:, drawn.labels[0] == 2]
        return float((hair.max(0).values - hair.min(0).values).mean())

    assert colourfulness(1.0) < 0.35 * colourfulness(0.4)


def test_label_maps_match_the_golden_ones() -> None:
    """Compares with stored maps; a change of the look is a decision, so store new ones."""
    drawn = render(sample(4, seed=3), size=32).labels
    stored = torch.tensor(
        [[int(character, 36) for character in line] for line in GOLDEN.read_text().split()],
        dtype=torch.uint8,
    ).view(4, 32, 32)

    assert (drawn == stored).float().mean() > 0.999
