"""Going on from an older generator: of another renderer, or of a smaller size."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from editing.families.factor_space import Categorical, Continuous, FactorSpace
from editing.generator import Generator, GeneratorConfig
from editing.training.pipeline import Pipeline
from editing.training.run import Budget
from editing.training.warm_start import (
    OldGenerator,
    WarmStartError,
    column_names,
    read_old,
    start_from,
)

OLD = FactorSpace((Continuous("smile", -1, 1), Categorical("hat", ("none", "cap"), (0.5, 0.5))))
NEW = FactorSpace(
    (
        Continuous("age", 0, 1),
        Categorical("hat", ("none", "fez", "cap"), (0.4, 0.3, 0.3)),
        Continuous("smile", -1, 1),
    )
)


def generator(
    space: FactorSpace, *, size: int, widths: tuple[int, ...], seed: int
) -> Generator:
    torch.manual_seed(seed)
    config = GeneratorConfig(
        resolution=size,
        w_dim=6 + space.code_dim,
        z_dim=space.code_dim,
        channels=widths,
        mapping="code",
        mapping_layers=2,
        mapping_lr_mul=1.0,
    )
    made = Generator(config).eval().requires_grad_(False)
    # Biases and toRGB start at zero; a trained generator's do not.
    for parameter in made.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def picture(made: Generator, code: list[float]) -> torch.Tensor:
    image: torch.Tensor = made(torch.tensor([code]))
    return image


def test_columns_are_named_by_factor_and_option() -> None:
    assert column_names(NEW) == ("age", "hat=none", "hat=fez", "hat=cap", "smile")


def test_the_same_person_is_drawn_alike_whatever_the_new_factors_say() -> None:
    old = generator(OLD, size=8, widths=(8, 6), seed=1)
    new = generator(NEW, size=8, widths=(8, 6), seed=2)

    start_from(new, OldGenerator(old.state_dict(), column_names(OLD)), column_names(NEW))

    before = picture(old, [0.7, 0.0, 2.0])
    for age in (-1.0, 1.0):
        again = picture(new, [age, 0.0, 0.0, 2.0, 0.7])
        torch.testing.assert_close(again, before, atol=1e-5, rtol=0)


def test_a_new_option_starts_between_the_known_ones() -> None:
    old = generator(OLD, size=8, widths=(8, 6), seed=1)
    new = generator(NEW, size=8, widths=(8, 6), seed=2)

    start_from(new, OldGenerator(old.state_dict(), column_names(OLD)), column_names(NEW))

    between = picture(old, [0.7, 1.0, 1.0])
    torch.testing.assert_close(
        picture(new, [0.0, 0.0, 2.0, 0.0, 0.7]), between, atol=1e-5, rtol=0
    )


def test_a_larger_generator_starts_with_the_smaller_picture_upsampled() -> None:
    old = generator(OLD, size=8, widths=(8, 6), seed=1)
    new = generator(OLD, size=16, widths=(8, 6, 4), seed=2)

    start_from(new, OldGenerator(old.state_dict(), column_names(OLD)), column_names(OLD))

    small, large = picture(old, [0.3, 2.0, 0.0]), picture(new, [0.3, 2.0, 0.0])
    # The upsampling filter blurs a little; a mean of 2 x 2 pixels stays close.
    inner = (F.avg_pool2d(large, 2) - small)[..., 2:-2, 2:-2].abs().mean()
    assert float(inner) < 0.35 * float(small.std())
    assert (
        float(
            (
                large
                - picture(generator(OLD, size=16, widths=(8, 6, 4), seed=2), [0.3, 2.0, 0.0])
            )
            .abs()
            .mean()
        )
        > 0.1
    )


def test_other_widths_are_refused_with_the_name_of_the_block() -> None:
    old = generator(OLD, size=8, widths=(8, 6), seed=1)
    new = generator(OLD, size=8, widths=(8, 4), seed=2)

    with pytest.raises(WarmStartError, match=r"b8\..*same channels"):
        start_from(new, OldGenerator(old.state_dict(), column_names(OLD)), column_names(OLD))


def test_training_goes_on_from_a_checkpoint(pipeline: Pipeline, tmp_path: Path) -> None:
    for _ in pipeline.draw():
        pass
    for _ in pipeline.train("distil", Budget(steps=80)):
        pass
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "renders").symlink_to(pipeline.plan.out / "renders")
    start = pipeline.plan.out / "distil" / "checkpoint.pt"
    warm = Pipeline(replace(pipeline.plan, out=fresh, start=start), lambda: 0.0)
    cold_loss = first_loss(Pipeline(replace(warm.plan, start=None), lambda: 0.0))

    warm_loss = first_loss(warm)

    assert warm_loss < 0.75 * cold_loss


def first_loss(pipeline: Pipeline) -> float:
    """Return the loss of the first step, without keeping the stage."""
    steps = pipeline.train("distil", Budget(steps=5), checkpoint_seconds=1e9)
    figures = next(iter(steps)).figures
    steps.close()
    return sum(value for name, value in figures.items() if name not in ("side", "parts"))


def test_what_holds_no_generator_is_refused(tmp_path: Path) -> None:
    stage = tmp_path / "regressor"
    stage.mkdir()
    torch.save({"step": 1}, stage / "checkpoint.pt")

    with pytest.raises(WarmStartError, match=r"columns\.json"):
        read_old(stage / "checkpoint.pt")
    (tmp_path / "columns.json").write_text(json.dumps(["smile"]))
    with pytest.raises(WarmStartError, match="no generator"):
        read_old(stage / "checkpoint.pt")
    with pytest.raises(WarmStartError, match="neither"):
        read_old(tmp_path / "nothing")
