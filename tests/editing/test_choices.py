"""Choices of the family: found where a painting asks for one, and nowhere else."""

import pytest
import torch

from editing import choices, families, optimize, seeding
from editing.bundle import load_bundle
from editing.optimize import OptimizeOptions
from tests.editing.test_optimize import CODE_CONFIG
from tests.factories.networks import tiny_generator

HAIR, HAT = (1, 4), (5, 8)


def picture():
    """Return a generator, a code that wears hair 1 and hat 5, and how far it is from others."""
    generator = tiny_generator(config=CODE_CONFIG)
    code = torch.tensor([[0.3, 2, 0, 0, -0.4, 2, 0, 0]])
    w_plus = generator.broadcast(generator.map(code))

    def missing(*wanted: int):
        """Return a count of those of the columns that are not chosen."""

        def count(offset: torch.Tensor) -> float:
            seen = generator.mapping.code_of((w_plus + offset).mean(dim=1))[0]
            return sum(float(seen[column]) < 1.9 for column in wanted) + 0.1

        return count

    return generator, w_plus, missing


@pytest.mark.parametrize("wanted", [(3,), (6,), (2, 7)])
def test_what_is_painted_is_chosen_and_all_else_stays(wanted):
    generator, w_plus, missing = picture()

    offset = choices.asked_for(
        generator, (HAIR, HAT), w_plus, mismatch=missing(*wanted), cost=missing(*wanted)
    )

    expected = torch.tensor([[0.3, 2, 0, 0, -0.4, 2, 0, 0]])
    for column in wanted:
        start, stop = HAIR if column < 4 else HAT
        expected[0, start:stop] = 0
        expected[0, column] = 2
    assert offset is not None
    assert torch.allclose(w_plus + offset, generator.map(expected)[:, None], atol=1e-5)


def test_nothing_is_chosen_that_answers_too_little_or_costs_elsewhere():
    generator, w_plus, missing = picture()
    one = missing(3)

    def little(offset: torch.Tensor) -> float:
        return 10 + one(offset)

    def dear(offset: torch.Tensor) -> float:
        return float(offset.abs().sum())

    for mismatch, cost in ((little, one), (one, dear)):
        found = choices.asked_for(generator, (HAIR, HAT), w_plus, mismatch=mismatch, cost=cost)
        assert found is None


@pytest.mark.parametrize(
    ("family", "size", "rule"),
    [("portraits", 64, "beard"), ("portraits", 64, "remove_glasses"), ("cars", 128, "no_roof")],
)
def test_a_painted_choice_is_seen_at_once_and_kept(family, size, rule):
    start, steps, bundle = painted(family, size, rule, OptimizeOptions(steps=5))
    factors, meaning = families.get(family).factors, families.get(family).meanings[rule]

    shown = [bundle.regressor.code(image.clamp(-1, 1)) for image in (start, steps[0].image)]

    assert [bool(factors.is_option(code, *meaning)) for code in shown] == [False, True]
    assert steps[-1].ce < steps[0].ce
    assert steps[0].identity < 1e-6, "what was chosen counts as the same person"


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("smile", OptimizeOptions(steps=1)),
        ("beard", OptimizeOptions(steps=1, tries_choices=False)),
        ("beard", OptimizeOptions.for_refining(steps=1)),
    ],
)
def test_otherwise_a_run_starts_from_the_picture(rule, options):
    start, steps, _ = painted("portraits", 64, rule, options)

    assert torch.allclose(steps[0].image, start, atol=1e-4)


def painted(family: str, size: int, rule: str, options: OptimizeOptions):
    """Return a picture, the steps of editing it as the rule paints it, and the bundle."""
    bundle, drawn = load_bundle(f"bundles/{family}-{size}"), families.get(family)
    codes = seeding.sources(bundle, drawn, num=24)
    found = seeding.telling_paintings(bundle, drawn.painting_rules[rule], bundle.segment(codes))
    source, after, region = found[0]
    code = codes[source][None]
    steps = list(optimize.run(bundle, code, after[None], region=region, options=options))
    return bundle.render(code), steps, bundle
