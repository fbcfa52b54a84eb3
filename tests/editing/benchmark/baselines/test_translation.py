"""The image-to-image networks: that they learn, resume, and start where they should."""

import itertools

import pytest
import torch

from editing.benchmark.baselines import distillation, maskgan
from editing.benchmark.baselines.translation import TranslationOptions
from editing.errors import EditingError
from editing.training.run import Budget, Run
from tests.factories.networks import blocks_family, tiny_bundle

# Few steps at a high rate; the critic is there, and rarely penalized.
FAST = TranslationOptions(batch=4, lr=5e-3, adversarial=0.0, half=False, penalty_every=100)
OPTIONS = TranslationOptions(batch=4, half=False, penalty_every=2)


def run(folder, steps: int, *, checkpoint_seconds: float = 1e9) -> Run:
    ticks = itertools.count()
    return Run(
        folder,
        Budget(steps=steps),
        lambda: float(next(ticks)),
        checkpoint_seconds=checkpoint_seconds,
    )


@pytest.fixture(scope="module")
def perceptual():
    return tiny_bundle().perceptual


@pytest.fixture(scope="module")
def pairs():
    noise = torch.Generator().manual_seed(0)
    before = torch.randint(60, 120, (12, 3, 16, 16), generator=noise, dtype=torch.uint8)
    after = before.clone()
    after[:, 0] += 100
    return distillation.Pairs(before, after)


@pytest.fixture(scope="module")
def masked():
    noise = torch.Generator().manual_seed(1)
    labels = torch.zeros(8, 16, 16, dtype=torch.uint8)
    labels[:, 4:12, 4:12] = 1
    shade = torch.randint(0, 255, (8, 3, 1, 1), generator=noise, dtype=torch.uint8)
    images = torch.where(labels[:, None] > 0, shade, 255 - shade)
    return maskgan.Masked(images, labels, labels.roll(-1, dims=1), labels.roll(1, dims=1))


def losses(steps) -> list[float]:
    return [sum(progress.figures.values()) for progress in steps]


def test_the_distilled_network_starts_as_the_identity():
    network = distillation.Distilled(width=4, num_blocks=1)
    images = torch.rand(2, 3, 16, 16) * 2 - 1

    edited = distillation.edit(network, images)

    assert torch.allclose(edited, images, atol=1e-6)


def test_the_distilled_network_learns_what_the_pairs_have_in_common(
    pairs, perceptual, tmp_path
):
    torch.manual_seed(0)
    network = distillation.Distilled(width=6, num_blocks=1)
    found = losses(distillation.train(network, pairs, perceptual, run(tmp_path, 20), FAST))

    before = (pairs.before.float() - 127.5) / 127.5
    change = (distillation.edit(network, before) - before).mean(dim=(0, 2, 3))

    assert found[-1] < 0.6 * found[0]
    assert float(change[0]) > 0.4
    assert change[1:].abs().max() < 0.15


def test_a_training_that_stopped_ends_where_an_unbroken_one_does(pairs, perceptual, tmp_path):
    def fresh() -> distillation.Distilled:
        torch.manual_seed(3)
        return distillation.Distilled(width=4, num_blocks=1)

    whole, broken = fresh(), fresh()
    list(distillation.train(whole, pairs, perceptual, run(tmp_path / "a", 6), OPTIONS))
    first = run(tmp_path / "b", 6, checkpoint_seconds=0)
    steps = distillation.train(broken, pairs, perceptual, first, OPTIONS)
    # The fourth step's checkpoint is written before the step is yielded.
    list(itertools.islice(steps, 4))
    steps.close()
    resumed = fresh()
    left = list(distillation.train(resumed, pairs, perceptual, run(tmp_path / "b", 6), OPTIONS))

    assert [progress.step for progress in left] == [5, 6]
    for ours, theirs in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_pairs_that_do_not_flip_or_change_more_than_others_are_left_out():
    good = distillation.is_good_pair(
        torch.tensor([-1.0, -1.0, 0.5, -1.0, -1.0]),
        torch.tensor([1.0, -0.5, 1.0, 1.0, 1.0]),
        level=0.0,
        others=torch.tensor([0.1, 0.1, 0.1, 9.0, 0.1]),
    )

    assert good.tolist() == [True, False, False, False, True]


def test_maskgan_learns_to_redraw_a_picture_and_follows_a_moved_mask(
    masked, perceptual, tmp_path
):
    torch.manual_seed(0)
    # A style of two numbers holds two colours, and no room for where things are.
    network = maskgan.MaskGan(2, style=2, width=6, num_blocks=1)
    images = (masked.images.float() - 127.5) / 127.5
    moved = masked.labels.roll(3, dims=2)

    def error(labels: torch.Tensor, wanted: torch.Tensor) -> float:
        drawn = maskgan.edit(network, images, masked.labels, labels)
        return float((drawn - wanted).abs().mean())

    before = error(masked.labels, images)
    list(maskgan.train(network, masked, perceptual, run(tmp_path, 100), FAST))

    assert error(masked.labels, images) < 0.75 * before
    wanted = torch.where(moved[:, None] > 0, images[:, :, 8:9, 8:9], images[:, :, :1, :1])
    assert error(moved, wanted) < error(moved, images)


def test_a_blend_of_equal_drawings_is_that_drawing():
    network = maskgan.MaskGan(2, style=8, width=4, num_blocks=1)
    drawn = torch.rand(2, 3, 16, 16)

    assert torch.allclose(network.blend(drawn, drawn), drawn, atol=1e-6)


def test_a_map_with_nothing_to_paint_on_stays():
    family = blocks_family()
    labels = torch.ones(2, 16, 16, dtype=torch.uint8)

    def second_fails(own, schema):
        if own is labels[1] or bool((own == 3).any()):
            raise EditingError("nothing here")
        return family.painting_rules["smile"](own, schema)

    labels[1, 0, 0] = 3
    painted = maskgan.paint(second_fails, labels, family.schema)

    assert bool((painted[0] == 2).any())
    assert torch.equal(painted[1], labels[1])
