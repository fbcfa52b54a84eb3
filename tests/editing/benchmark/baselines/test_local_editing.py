"""Clusters, channel shares and borrowed styles on small maps."""

import pytest
import torch

from editing.benchmark.baselines import local_editing
from tests.factories.networks import tiny_bundle, tiny_codes


def test_spherical_clusters_do_not_depend_on_the_length_of_features():
    maps = torch.zeros(1, 2, 4, 4)
    maps[:, 0, :2] = torch.linspace(0.1, 9, 8).view(2, 4)
    maps[:, 1, 2:] = torch.linspace(0.1, 9, 8).view(2, 4)

    members = local_editing.spherical_k_means(
        maps, 2, generator=torch.Generator().manual_seed(0)
    )

    assert members[0, :2].unique().numel() == 1
    assert members[0, 2:].unique().numel() == 1
    assert members[0, 0, 0] != members[0, 3, 0]


def test_a_channel_that_varies_only_inside_the_part_belongs_to_it():
    inside = torch.zeros(2, 1, 4, 4)
    inside[:, :, :2] = 1
    features = torch.zeros(2, 3, 4, 4)
    features[0, 0, :2], features[1, 0, :2] = 1, -1
    features[0, 1, 2:], features[1, 1, 2:] = 1, -1
    features[0, 2], features[1, 2] = 1, -1

    shares = local_editing.contribution(features, inside)

    assert torch.allclose(shares, torch.tensor([1.0, 0.0, 0.5]))


def test_the_shares_of_a_partition_sum_to_one():
    features = torch.randn(3, 5, 8, 8, generator=torch.Generator().manual_seed(1))
    half = torch.zeros(3, 1, 8, 8)
    half[..., :3] = 1

    both = local_editing.contribution(features, half)
    both = both + local_editing.contribution(features, 1 - half)

    assert torch.allclose(both, torch.ones(5))


@pytest.fixture(scope="module")
def fitted():
    bundle = tiny_bundle()
    codes = tiny_codes(bundle.generator, 12, seed=3)
    catalogue = local_editing.fit(
        bundle,
        codes,
        frozenset({1, 2}),
        resolution=8,
        num_clusters=3,
        generator=torch.Generator().manual_seed(0),
    )
    return bundle, codes, catalogue


def test_a_query_of_nothing_leaves_the_picture_and_a_huge_one_takes_every_style(fitted):
    bundle, codes, catalogue = fitted
    ours, theirs = codes[:2], codes[2:4]

    nothing = local_editing.edit(bundle, ours, theirs, catalogue, query=0.0)
    styles = local_editing.blend(
        bundle.generator.synthesis.styles(ours),
        bundle.generator.synthesis.styles(theirs),
        catalogue,
        1e9,
    )

    assert torch.allclose(nothing, bundle.render(ours), atol=1e-5)
    wanted = bundle.generator.synthesis.styles(theirs)
    own = bundle.generator.synthesis.styles(ours)
    for blended, other, kept, share in zip(styles, wanted, own, catalogue.shares, strict=True):
        if share is None:
            assert torch.equal(blended, kept)
        else:
            assert torch.allclose(blended[:, share > 1e-6], other[:, share > 1e-6], atol=1e-5)


def test_every_convolution_has_shares_for_its_own_channels(fitted):
    bundle, codes, catalogue = fitted

    styles = bundle.generator.synthesis.styles(codes[:1])

    assert 0 <= catalogue.overlap <= 1
    for share, style in zip(catalogue.shares, styles, strict=True):
        assert share is None or share.shape == style.shape[1:]
    # One toRGB for each of 4, 8 and 16 pixels.
    assert sum(share is None for share in catalogue.shares) == 3


def test_the_reference_is_the_one_with_the_nearest_pose():
    rows = local_editing.nearest(
        torch.tensor([[0.9, 0.0], [-1.0, 0.1]]), torch.tensor([[-0.8, 0.0], [1.0, 0.2]])
    )

    assert rows.tolist() == [1, 0]
