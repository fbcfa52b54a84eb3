"""Each term of the loss on cases small enough to work out by hand."""

import math

import pytest
import torch

from editing import losses
from editing.losses import OutsideReference, Perceptual


def plain_l1(scale: float = 1.0) -> Perceptual:
    return Perceptual(lambda image: (), scale, "l1", num_scales=1)


def test_appearance_counts_only_what_changed_outside_the_region():
    image = torch.zeros(1, 3, 2, 2)
    outside = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    reference = OutsideReference.of(plain_l1(), image, outside)
    changed = image.clone()
    changed[0, :, 1, 1] = 0.9  # inside: free
    changed[0, 0, 0, 0] = 0.6  # outside: one of nine values

    loss = losses.appearance(plain_l1(), changed, reference)

    # Perceptual: mean over all 12 values; squared difference: mean over the 9 outside.
    rounded = math.sqrt(0.36 + 0.0025) - 0.05
    assert loss.item() == pytest.approx(rounded / 12 + 0.36 / 9, rel=1e-5)


def test_squared_difference_does_not_weaken_as_the_region_grows():
    image, changed = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    nothing = Perceptual(lambda image: (), 0.0, "none", num_scales=1)
    small, large = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    large[..., 1:] = 0

    for outside in (small, large):
        reference = OutsideReference.of(nothing, image, outside)
        assert losses.appearance(nothing, changed, reference).item() == pytest.approx(0.25)


def test_region_that_covers_the_picture_leaves_no_appearance_term():
    image = torch.rand(1, 3, 4, 4)
    reference = OutsideReference.of(plain_l1(), image, torch.zeros(1, 1, 4, 4))

    assert losses.appearance(plain_l1(), image + 1, reference).item() == 0


def test_feature_distance_compares_directions_pixel_by_pixel():
    features = Perceptual(lambda image: [image], 1.0, "pixels", num_scales=0)
    right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    up_twice_as_long = torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)

    with_pyramid = features.distance(right, up_twice_as_long).item()
    itself = features.distance(right, right * 3).item()

    def rounded(x: float) -> float:
        return math.sqrt(x * x + 0.0025) - 0.05

    # The multi-scale part always has the picture itself.
    pyramid = (rounded(1) + rounded(2)) / 2
    assert with_pyramid == pytest.approx(2 + pyramid, abs=1e-6)
    assert itself == pytest.approx(0 + rounded(2) / 2, abs=1e-6)


def test_the_first_trace_of_a_change_costs_next_to_nothing():
    image = torch.zeros(1, 3, 4, 4)
    reference = plain_l1().remember(image)

    trace, clear = (plain_l1().between(image + x, reference).item() for x in (0.001, 0.5))

    assert trace < 0.00002
    assert clear == pytest.approx(0.4525, abs=1e-3)


def test_calibration_puts_unrelated_pictures_at_six_tenths():
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    raw = Perceptual(lambda image: [image], 1.0, "pixels")

    scaled = Perceptual(raw.extractor, losses.calibrated(raw, images), "pixels")

    mean = scaled.distance(images, images.roll(1, dims=0)).mean().item()
    assert mean == pytest.approx(0.6, abs=1e-6)


def test_segmentation_term_is_the_mean_negative_log_share_of_the_painted_part():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]))

    loss = losses.segmentation(logits, torch.tensor([0, 2]))

    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 2, abs=1e-6)


def test_identity_term_is_zero_for_the_same_and_two_for_the_opposite():
    one = torch.tensor([[1.0, 2.0]])

    assert losses.identity(one, 3 * one).item() == pytest.approx(0, abs=1e-6)
    assert losses.identity(one, -one).item() == pytest.approx(2, abs=1e-6)
    assert losses.identity(one, torch.tensor([[-2.0, 1.0]])).item() == pytest.approx(1)


def test_large_pictures_are_compared_at_the_largest_side_as_if_shrunk_before():
    noise = torch.Generator().manual_seed(0)
    image, other = (torch.rand(1, 3, 8, 8, generator=noise) for _ in range(2))
    seen = []
    small = Perceptual(lambda x: [seen.append(tuple(x.shape)) or x], max_side=4)

    distance = small.distance(image, other)

    shrunk = [torch.nn.functional.avg_pool2d(x, 2) for x in (image, other)]
    assert seen == [(1, 3, 4, 4)] * 2
    assert distance.item() == pytest.approx(small.distance(*shrunk).item(), rel=1e-6)


def test_channel_weights_stand_before_the_squared_differences():
    weights = (torch.tensor([0.5, 3.0]),)
    features = Perceptual(lambda image: [image], channel_weights=weights, num_scales=0)
    right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    up = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)

    apart = features.distance(right, up).item()

    # Squares of 1 in each channel, and the pyramid's share of a difference of 1 in both.
    assert apart == pytest.approx(0.5 + 3.0 + math.sqrt(1.0025) - 0.05, abs=1e-6)
