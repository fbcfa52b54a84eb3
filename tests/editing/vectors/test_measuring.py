"""What measuring an edit vector on probe pictures says."""

import json

import pytest
import torch

from editing import effect_signature, vectors
from editing.vectors import EditVector
from editing.vectors.looks import Seen, change
from editing.vectors.measure import _additivity, _leak, _works
from tests.factories.networks import tiny_bundle, tiny_codes


def learned(bundle) -> EditVector:
    before, after = tiny_codes(bundle.generator, 2, seed=9).split(1)
    return vectors.make(bundle, before, after, parts=frozenset({1, 2}), title="Other")


def test_measuring_sees_strength_one_on_every_probe():
    bundle = tiny_bundle()
    vector = learned(bundle)

    card = vectors.measure(bundle, vector, num_strips=2)

    assert card.num_probes == 4
    assert card.strips.shape == (2, 5, 3, 16, 16)
    assert torch.allclose(card.strips[0, 2], bundle.render(bundle.probes[:1])[0], atol=1e-5)
    edited = bundle.render(vectors.apply(bundle.probes[1:2], [(vector, 2.0)]))
    assert torch.allclose(card.strips[1, 4], edited[0], atol=1e-5)
    assert 0 <= card.success <= 1
    assert 1 <= card.num_asked <= card.num_probes
    assert 0 <= card.locality <= 1
    assert card.valid_range[0] <= 0 <= card.valid_range[1]
    json.dumps(card.to_json(), allow_nan=False)


def test_a_zero_vector_changes_nothing_and_a_large_one_leaks():
    bundle = tiny_bundle()
    nothing = EditVector(torch.zeros(6, 12), frozenset({1}))
    large = EditVector(torch.full((6, 12), 3.0), frozenset({1}))

    quiet, loud = (vectors.measure(bundle, vector) for vector in (nothing, large))

    assert quiet.outside_change == 0
    assert quiet.valid_range == (-2.0, 2.0)
    assert loud.outside_change > 0.02
    assert loud.valid_range != (-2.0, 2.0)


def test_parts_that_change_though_the_vector_is_not_for_them_are_its_side_effects():
    bundle = tiny_bundle()
    vector = EditVector(torch.full((6, 12), 3.0), frozenset({1}))

    card = vectors.measure(bundle, vector)
    written = vectors.with_card(vector, card).card["side_effects"]

    own = bundle.schema.parts[1].name
    grown = {name: abs(effect.area) for name, effect in card.effects.items() if name != own}
    assert own in card.effects
    assert written == sorted(grown, key=lambda name: -grown[name])
    assert written, "so large a vector moves other parts too"
    assert min(grown.values()) > 5e-4


def test_success_is_the_share_of_probes_that_change_as_learned():
    bundle = tiny_bundle()
    vector = learned(bundle)
    opposite = EditVector(-vector.offset, vector.parts, vector.card)

    forward = vectors.measure(bundle, vector).success
    backward = vectors.measure(bundle, opposite).success

    assert forward > backward


def seen_with_areas(areas: torch.Tensor) -> Seen:
    """Return pictures whose parts have these areas, on label maps of a hundred pixels."""
    labels = torch.zeros(len(areas), 100, dtype=torch.uint8)
    for row, shares in zip(labels, areas, strict=True):
        painted = 0
        for part in range(1, len(shares)):
            until = painted + round(100 * float(shares[part]))
            row[painted:until] = part
            painted = until
    return Seen(
        torch.zeros(len(areas), 3, 4, 4),
        labels.unflatten(1, (10, 10)),
        areas,
        torch.zeros(*areas.shape, 2),
    )


def test_only_probes_that_show_what_a_vector_takes_away_are_asked():
    bundle = tiny_bundle()
    plate, bumper = (bundle.schema.parts[part].name for part in (1, 2))
    effect = {plate: [-0.1, 0.0, 0.0], bumper: [0.1, 0.0, 0.0]}
    removes = EditVector(torch.zeros(6, 12), frozenset({1, 2}), {"learned_effect": effect})
    shape = (4, len(bundle.schema.parts))
    before, after = torch.zeros(shape), torch.zeros(shape)
    before[:, 2] = 0.3
    before[:2, 1] = 0.1  # two of four show a plate; the first loses it, the second grows it
    before[2, 1] = 0.002  # a trace of doubt is no plate
    after[:, 1] = torch.tensor([0.0, 0.12, 0.01, 0.0])
    after[:, 2] = 0.3 + before[:, 1] - after[:, 1]
    unseen = torch.zeros(shape)

    asked = _works(removes, 1.0, seen_with_areas(before), seen_with_areas(after), bundle)
    nobody = _works(removes, 1.0, seen_with_areas(unseen), seen_with_areas(after), bundle)
    turned = _works(removes, -1.0, seen_with_areas(before), seen_with_areas(after), bundle)

    assert asked.tolist() == [True, False]
    assert len(nobody) == 4, "a vector that no probe can answer is asked of all"
    assert turned.tolist() == [False, True, True, False], "all show the bumper it takes from"


def test_looking_at_the_unedited_probes_once_is_enough_for_several_vectors():
    bundle = tiny_bundle()
    looks = []
    before = vectors.baseline(bundle)

    fresh = vectors.measure(bundle, learned(bundle))
    again = vectors.measure(
        bundle,
        learned(bundle),
        before=before,
        on_look=lambda done, of: looks.append((done, of)),
    )

    assert again.to_json() == fresh.to_json()
    assert again.signature == fresh.signature
    # Four probes at strength 1, two of them at each of three other strengths.
    assert looks == [(i, 10) for i in range(1, 11)]


def test_locality_counts_what_people_see_and_not_what_spreads_faintly():
    seen = torch.zeros(1, 3, 8, 8)
    labels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    labels[0, :4] = 1
    shapes = (torch.zeros(1, 2), torch.zeros(1, 2, 2))
    before = Seen(seen, labels, *shapes)
    faint = seen + 0.04  # 2 % of the range, everywhere
    faint[:, :, :2] = 1.0  # half of the range, inside part 1
    loud = faint.clone()
    loud[:, :, 7] = -1.0  # and in one row that is background

    quiet = _leak(before, Seen(faint, labels, *shapes), parts=frozenset({1}), margin=0)
    leaking = _leak(before, Seen(loud, labels, *shapes), parts=frozenset({1}), margin=0)

    assert quiet.locality == 1.0
    assert quiet.visible_outside == 0.0
    assert quiet.outside_change == pytest.approx(0.02, abs=1e-6)
    assert leaking.locality == pytest.approx(2 / 3, abs=1e-3)  # two rows of three, alike
    assert leaking.visible_outside == pytest.approx(1 / 4)


def test_additivity_compares_strength_two_with_twice_strength_one():
    one = torch.tensor([[[0.0, 0.0, 0.0], [0.1, 0.0, 0.2]]])

    assert _additivity(one, 2 * one, frozenset({1})) == pytest.approx(1.0)
    assert _additivity(one, 1 * one, frozenset({1})) == pytest.approx(0.5)
    assert _additivity(0 * one, one, frozenset({1})) is None


def test_the_card_holds_every_figure_and_is_a_valid_one():
    bundle = tiny_bundle()
    vector = learned(bundle)

    measured = vectors.with_card(vector, vectors.measure(bundle, vector))

    assert vectors.from_bytes(vectors.to_bytes(measured)).card == measured.card
    assert len(measured.card["signature"]["values"]) == effect_signature.LENGTH
    assert [at["strength"] for at in measured.card["calibration"]["by_strength"]] == [
        -2,
        -1,
        1,
        2,
    ]
    assert measured.card["unit"].startswith("strength 1 changes block_")


def test_a_part_that_comes_or_goes_has_no_movement():
    def looked(area: float, x: float) -> Seen:
        seen = seen_with_areas(torch.tensor([[1 - area, area]]))
        centers = torch.tensor([[[0.5, 0.5], [x, 0.5]]])
        # Doubt gives every part a trace more than the label map shows.
        return Seen(seen.images, seen.labels, seen.areas + 0.05, centers)

    whole, smaller, rest, gone = (
        looked(area, x) for area, x in ((0.2, 0.4), (0.1, 0.9), (0.03, 0.9), (0.0, 0.9))
    )

    for before, after, moved in ((whole, rest, 0), (whole, gone, 0), (whole, smaller, 0.5)):
        grown = float(after.areas[0, 1] - before.areas[0, 1])
        assert change(before, after)[0, 1].tolist() == pytest.approx([grown, moved, 0])
        assert change(after, before)[0, 1].tolist() == pytest.approx([-grown, -moved, 0])
