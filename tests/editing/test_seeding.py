"""Vectors that a bundle starts with come from paintings, and only good ones stay."""

import dataclasses
import io

import pytest
import torch
from PIL import Image

from editing import families, seeding, vectors
from editing.families.factor_space import Categorical, Continuous, FactorSpace
from editing.optimize import OptimizeOptions
from editing.seeding import Limits
from editing.vectors import EditVector
from tests.factories.networks import blocks_family, tiny_bundle, tiny_judge

FREE = OptimizeOptions(steps=8, lambda_rgb=0.1, learning_rate=0.05)
COARSE = dataclasses.replace(FREE, layer_share=0.5)
LIMITS = Limits(
    ways=(dataclasses.replace(COARSE, mapping_rate=0.1), COARSE),
    last_resorts=(FREE,),
    num_sources=2,
)
# What passes these limits is never so good that the search ends early.
EASY = dataclasses.replace(
    LIMITS, agreement=0.0, success=0.0, transfer=-1e9, outside_change=1.0, strangeness=0.0
)


def tried(name: str, limits: Limits = EASY):
    bundle, family = tiny_bundle(), blocks_family()
    codes = seeding.sources(bundle, family, num=5)
    labels = bundle.segment(codes)
    found = seeding.candidates(bundle, family, name, codes=codes, labels=labels, limits=limits)
    return bundle, list(found)


def test_candidates_are_edits_of_pictures_that_can_be_painted():
    _, found = tried("smile")

    assert len(found) == 4, "two pictures, each edited in two ways"
    for candidate in found:
        assert candidate.vector.card["learned_from"]["painting_rule"] == "smile"
        assert candidate.card.num_probes == 4
        assert candidate.vector.norm > 0
    assert found[0].source == found[1].source != found[2].source
    assert all(not candidate.vector.offset[3:].any() for candidate in found)


def test_all_layers_are_tried_where_the_coarse_ones_give_no_good_vector():
    _, found = tried("smile", dataclasses.replace(EASY, agreement=1.01))

    assert len(found) == 6
    assert [bool(each.vector.offset[3:].any()) for each in found] == [*4 * [False], True, True]


def test_the_same_list_gives_the_same_vectors():
    _, first = tried("smile")
    _, second = tried("smile")

    hashes = [[c.vector.content_hash for c in found] for found in (first, second)]
    assert hashes[0] == hashes[1]


def test_a_rule_that_fits_no_portrait_has_no_candidates():
    _, found = tried("never")

    assert found == []


def test_a_candidate_below_a_limit_is_left_out_with_the_reason():
    _, (candidate, *_) = tried("smile")
    good = dataclasses.replace(
        candidate,
        agreement=0.9,
        transfer=0.8,
        strangeness=0.1,
        card=dataclasses.replace(candidate.card, success=1.0, outside_change=0.01),
    )
    leaking = dataclasses.replace(
        good, card=dataclasses.replace(good.card, outside_change=0.05)
    )
    weak = dataclasses.replace(good, transfer=0.1)
    strange = dataclasses.replace(good, strangeness=1.7)
    unread = dataclasses.replace(good, read=0.0)

    assert good.failure(LIMITS) is None
    assert leaking.failure(LIMITS) == "outside change 0.050 is above 0.030"
    assert weak.failure(LIMITS) == "transfer 0.10 is below 0.35"
    assert strange.failure(LIMITS) == "strangeness 1.70 is above 1.50"
    assert unread.failure(LIMITS) == "read 0.00 is below 0.05"
    assert good.score > max(leaking.score, weak.score, strange.score)


def test_the_regressor_is_asked_whether_the_probes_show_what_a_rule_means():
    regressor = tiny_judge(seed=3)
    space = FactorSpace(
        (
            Categorical("lit", ("no", "yes"), (0.5, 0.5)),
            *(Continuous(name, -1.0, 1.0) for name in "abcdef"),
        )
    )
    family = dataclasses.replace(
        blocks_family(), factors=space, meanings={"smile": ("lit", "yes")}
    )
    bundle = tiny_bundle(regressor=regressor)
    codes = seeding.sources(bundle, family, num=5)
    labels = bundle.segment(codes)

    found = list(
        seeding.candidates(bundle, family, "smile", codes=codes, labels=labels, limits=EASY)
    )

    for candidate in found:
        was, became = (
            space.is_option(regressor.code(bundle.render(probes).clamp(-1, 1)), "lit", "yes")
            for probes in (
                bundle.probes,
                vectors.apply(bundle.probes, [(candidate.vector, 1.0)]),
            )
        )
        assert not was.all(), "somebody can be asked"
        assert candidate.read == (became & ~was).sum() / (~was).sum()
    assert dataclasses.replace(found[0], read=1.0).score > found[0].score


def test_without_a_meaning_nothing_is_read():
    _, (candidate, *_) = tried("smile")

    assert candidate.read is None


@pytest.mark.parametrize("name", families.names())
def test_what_rules_mean_are_options_that_the_family_has(name):
    family = families.get(name)

    assert family.meanings.keys() <= family.painting_rules.keys()
    for factor, option in family.meanings.values():
        assert option in family.factors.options(factor)


def test_the_sheet_shows_every_vector_at_every_strength_on_every_face():
    bundle, found = tried("smile")

    data = seeding.sheet(bundle, [c.vector for c in found], bundle.probes[:2])

    picture = Image.open(io.BytesIO(data))
    assert picture.width > 10 * 80
    assert picture.height > 2 * 80
    assert torch.isfinite(bundle.probes).all()


def test_measuring_anew_keeps_the_offset_and_renews_the_card():
    bundle, (candidate, *_) = tried("smile")
    measured = vectors.measure(bundle, candidate.vector)
    old = EditVector(candidate.vector.offset, candidate.vector.parts, {
        **candidate.vector.card, "calibration": {"locality": 0.01}, "title": "Kept",
    })  # fmt: skip

    renewed = seeding.measured_anew(bundle, old, baseline=vectors.baseline(bundle))

    assert torch.equal(renewed.offset, old.offset)
    assert renewed.title == "Kept"
    assert renewed.card["calibration"] == measured.to_json()
    assert renewed.card["license"] == "Apache-2.0"
    assert len(renewed.card["signature"]["values"]) > 0
