"""Cars: what factors move, which parts appear, and what each painting rule does to them."""

import itertools
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from editing.families.cars import CARS
from editing.families.cars.factors import BODIES, ROOFS, SPOKES, VIEWS
from editing.families.factor_space import Factors
from editing.families.label_maps import PaintingImpossibleError

SCHEMA = CARS.schema
NAMES = [part.name for part in SCHEMA.parts]


@lru_cache
def sample() -> Factors:
    return CARS.factors.sample(24, torch.Generator().manual_seed(21))


@lru_cache
def labels_of_sample() -> Tensor:
    return CARS.render(sample(), size=64).labels


def plain(*, size: int = 64, view: str = "side", **changes: float) -> Tensor:
    """Return the label map (size, size) of a saloon from the side, but for `changes`."""
    middle = CARS.factors.decode(torch.zeros(1, CARS.factors.code_dim))
    settings = {"body": BODIES.index("saloon"), "four_doors": 1, "plate": 1, "mirror": 1}
    settings["view"] = VIEWS.index(view)
    factors = middle.replace(**(settings | changes))
    return CARS.render(factors, size=size).labels[0]


def area(labels: Tensor, *names: str) -> int:
    ids = torch.tensor([SCHEMA.id_of(name) for name in names])
    return int(torch.isin(labels.long(), ids).sum())


def test_the_same_factors_give_the_same_picture_at_any_size():
    small, again = (CARS.render(sample()[:2], size=32) for _ in range(2))
    large = CARS.render(sample()[:2], size=128)

    assert torch.equal(small.image, again.image)
    assert torch.equal(small.labels, again.labels)
    shrunk = torch.nn.functional.avg_pool2d(large.image, 4)
    assert float((shrunk - small.image).abs().mean()) < 0.05


def test_pictures_are_in_range_and_every_part_appears_somewhere():
    render = CARS.render(sample(), size=64)

    assert float(render.image.abs().max()) <= 1
    seen = set(render.labels.unique().tolist())
    assert {NAMES[i] for i in range(len(NAMES)) if i not in seen} == set()


def test_a_view_shows_the_face_or_the_tail():
    face, tail = plain(view="front"), plain(view="back")

    assert area(face, "windshield_front", "grille") > 4 * area(
        tail, "windshield_front", "grille"
    )
    assert area(tail, "taillight_left", "trunk") > 4 * area(face, "taillight_left", "trunk")


@pytest.mark.parametrize(
    ("factor", "parts"),
    [
        ("wheel_size", ("wheel_front", "hub_front", "spoke_front")),
        ("rim_size", ("hub_front", "spoke_front")),
        ("spoke_width", ("spoke_front",)),
        ("light_size", ("light_left", "light_right")),
        ("height", ("roof", "window_front", "window_back")),
    ],
)
def test_a_size_factor_grows_its_parts(factor: str, parts: tuple[str, ...]):
    view = "front" if factor == "light_size" else "side"
    low, high = (plain(size=128, view=view, **{factor: value}) for value in (-1.0, 1.0))

    assert area(high, *parts) > 1.08 * area(low, *parts)


def test_an_open_car_shows_seats_instead_of_a_roof():
    opened = plain(roof=ROOFS.index("open"))

    assert area(opened, "roof", "window_front", "window_back") == 0
    assert area(opened, "interior") > 20


def test_turning_spokes_moves_them_within_their_hub():
    still, turned = (
        plain(size=128, spokes=SPOKES.index("five"), spoke_turn=value) for value in (0.0, 0.8)
    )
    wheel = ("hub_front", "spoke_front")

    assert area(still, *wheel) == area(turned, *wheel)
    assert int((still != turned).sum()) > 20


def test_only_small_cars_open():
    drawn = CARS.factors.sample(400, torch.Generator().manual_seed(3))

    opened = drawn.get("roof") > 0
    tall = torch.isin(
        drawn.get("body"),
        torch.tensor([float(BODIES.index(name)) for name in ("van", "pickup", "wagon")]),
    )
    assert int(opened.sum()) > 10
    assert not bool((opened & tall).any())


@pytest.mark.parametrize("name", list(CARS.painting_rules))
def test_a_rule_paints_on_some_cars_with_parts_of_the_schema(name: str):
    rule, done = CARS.painting_rules[name], 0
    for labels in labels_of_sample():
        kept = labels.clone()
        try:
            painted = rule(labels, SCHEMA)
        except PaintingImpossibleError:
            continue
        assert torch.equal(labels, kept)
        assert painted.shape == labels.shape
        assert painted.dtype == labels.dtype
        assert int(painted.max()) < len(SCHEMA)
        done += int((painted != labels).sum()) >= 3

    assert done >= 3


@pytest.mark.parametrize(
    ("name", "parts", "factor"),
    [
        ("bigger_wheels", ("wheel_front", "hub_front", "spoke_front"), 1.15),
        ("smaller_wheels", ("wheel_front", "hub_front", "spoke_front"), 0.88),
        ("bigger_rims", ("hub_front", "spoke_front"), 1.1),
        ("taller_roof", ("roof", "window_front", "window_back"), 1.05),
        ("smaller_windows", ("window_front", "window_back"), 0.95),
        ("no_roof", ("roof",), 0.0),
        ("no_mirror", ("mirror",), 0.0),
        ("two_doors", ("door_back",), 0.0),
    ],
)
def test_a_rule_grows_or_shrinks_what_it_is_named_after(
    name: str, parts: tuple[str, ...], factor: float
):
    before = plain(size=128)

    after = CARS.painting_rules[name](before, SCHEMA)

    if factor > 1:
        assert area(after, *parts) > factor * area(before, *parts)
    else:
        assert area(after, *parts) <= factor * area(before, *parts)


def test_a_saloon_becomes_a_wagon_by_more_roof_and_rear_glass():
    before = plain(size=128)

    after = CARS.painting_rules["wagon_back"](before, SCHEMA)

    assert area(after, "roof") > 1.1 * area(before, "roof")
    assert area(after, "window_back") > 1.3 * area(before, "window_back")


def test_an_opened_car_is_painted_as_the_same_car_is_drawn_open():
    closer = []
    for view, azimuth in itertools.product(VIEWS, (-0.8, 0.8)):
        closed = plain(size=128, view=view, azimuth=azimuth, four_doors=0)
        drawn = plain(size=128, view=view, azimuth=azimuth, four_doors=0, roof=1)

        painted = CARS.painting_rules["no_roof"](closed, SCHEMA)

        left = int((painted != drawn).sum()) / int((closed != drawn).sum())
        closer.append(left)
    assert max(closer) < 0.75, closer


@pytest.mark.parametrize("body", ["van", "pickup"])
def test_what_nobody_knows_open_keeps_its_roof(body: str):
    with pytest.raises(PaintingImpossibleError, match="do not come without a roof"):
        CARS.painting_rules["no_roof"](plain(size=128, body=BODIES.index(body)), SCHEMA)


def test_thinner_spokes_are_still_there():
    before = plain(size=128, wheel_size=1.0, rim_size=1.0, spoke_width=1.0)

    after = CARS.painting_rules["thinner_spokes"](before, SCHEMA)

    assert 0.25 < area(after, "spoke_front") / area(before, "spoke_front") < 0.9


def test_a_lower_roof_leaves_nothing_hanging_in_the_air():
    before = plain(size=128, body=BODIES.index("van"), view="back")

    after = CARS.painting_rules["lower_roof"](before, SCHEMA)

    top = [int((each != 0).any(dim=1).nonzero()[0]) for each in (before, after)]
    assert top[1] > top[0] + 1
    assert set(after[top[1]].unique().tolist()) == {0, SCHEMA.id_of("roof")}


def test_what_is_not_there_cannot_be_painted():
    with pytest.raises(PaintingImpossibleError, match="plate"):
        CARS.painting_rules["no_plate"](plain(plate=0, view="front"), SCHEMA)
