"""The fast branch against its definition: every tap upsampled, concatenated, one by one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from editing.errors import ShapeMismatchError
from editing.segmentation.branch import RegionPixels, SegmentationBranch, image_uncertainty
from tests.factories.networks import tiny_branch, tiny_codes, tiny_generator


def naive_member_logits(
    branch: SegmentationBranch, taps: tuple[Tensor, ...], size: int
) -> list[Tensor]:
    """Return each member's logits (N, K, size, size), straight from the definition."""
    stacked = torch.cat(
        [
            F.interpolate(tap, size=(size, size), mode="bilinear", align_corners=False)
            for tap in taps
        ],
        dim=1,
    )
    pixels = stacked.permute(0, 2, 3, 1)
    answers = []
    for member in range(branch.num_members):
        x = F.relu(F.linear(pixels, branch.first_weight[member], branch.first_bias[member]))
        x = naive_norm(branch.norm1, member, x)
        x = F.relu(F.linear(x, branch.second_weight[member], branch.second_bias[member]))
        x = naive_norm(branch.norm2, member, x)
        x = F.linear(x, branch.last_weight[member], branch.last_bias[member])
        answers.append(x.permute(0, 3, 1, 2))
    return answers


def naive_norm(norm, member: int, x: Tensor) -> Tensor:
    centred = (x - norm.running_mean[member]) / (norm.running_var[member] + norm.eps).sqrt()
    return centred * norm.weight[member] + norm.bias[member]


def drawn(dtype: torch.dtype, num: int = 2):
    generator = tiny_generator().to(dtype)
    branch = tiny_branch(generator).to(dtype)
    taps = generator.synthesis(tiny_codes(generator, num), with_taps=True).taps
    return generator, branch, taps


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)]
)
@pytest.mark.parametrize("size", [16, 24, 12])
def test_logits_are_those_of_the_stacked_feature_map(dtype, tolerance, size):
    _, branch, taps = drawn(dtype)

    fast = branch.logits(taps, size=size)

    naive = torch.stack(naive_member_logits(branch, taps, size)).mean(dim=0)
    assert (fast - naive).norm() / naive.norm() < tolerance
    assert torch.equal(fast.argmax(dim=1), naive.argmax(dim=1))


@pytest.mark.parametrize("size", [16, 24, 12])
def test_chosen_pixels_have_the_logits_of_the_whole_picture(size):
    _, branch, taps = drawn(torch.float64)
    mask = torch.rand(2, size, size, generator=torch.Generator().manual_seed(3)) < 0.3
    pixels = RegionPixels.of_mask(mask, resolutions=branch.resolutions, dtype=torch.float64)

    chosen = branch.logits_at(taps, pixels)

    whole = branch.logits(taps, size=size)
    wanted = torch.stack([pixels.pick(whole[:, part]) for part in range(4)], dim=1)
    assert len(pixels) == int(mask.sum())
    assert (chosen - wanted).norm() / wanted.norm() < 1e-12


def test_each_level_projects_only_the_distinct_cells_under_the_region():
    mask = torch.zeros(1, 16, 16, dtype=torch.bool)
    mask[0, 4:8, 4:8] = True

    pixels = RegionPixels.of_mask(mask, resolutions=(4, 8, 16), dtype=torch.float64)

    # Rows 4..7 read rows 1 to 4 of the 8-pixel tap and 0 to 2 of the 4-pixel one.
    assert {r: len(cells) for r, cells in pixels.coarse.items()} == {8: 16, 4: 9}
    assert len(pixels.fine[16].corners) == 16
    (tile,) = pixels.tiles
    assert len(tile.rows) == 16 + 9
    assert torch.allclose(tile.shares.sum(dim=1), torch.full((16,), 2.0).double())


@pytest.mark.parametrize("gathered", [False, True])
def test_gradients_reach_the_code_as_through_the_definition(gathered):
    generator, branch, _ = drawn(torch.float64)
    mask = torch.zeros(1, 16, 16, dtype=torch.bool)
    mask[0, 2:11, 5:14] = True
    pixels = RegionPixels.of_mask(mask, resolutions=branch.resolutions, dtype=torch.float64)
    wanted = torch.arange(len(pixels)) % 4

    def gradient(fast: bool) -> Tensor:
        code = tiny_codes(generator, 1).requires_grad_(True)
        taps = generator.synthesis(code, with_taps=True).taps
        if fast and gathered:
            logits = branch.logits_at(taps, pixels)
        else:
            whole = (
                branch.logits(taps, size=16)
                if fast
                else torch.stack(naive_member_logits(branch, taps, 16)).mean(dim=0)
            )
            logits = whole.permute(0, 2, 3, 1)[mask]
        return torch.autograd.grad(F.cross_entropy(logits, wanted), code)[0]

    ours, naive = gradient(True), gradient(False)

    assert naive.norm() > 0
    assert (ours - naive).norm() / naive.norm() < 1e-12


def test_folded_weights_follow_when_a_weight_changes():
    _, branch, taps = drawn(torch.float32)
    before = branch.logits(taps, size=16)

    with torch.no_grad():
        branch.last_bias[:, 2] += 5

    after = branch.logits(taps, size=16)
    assert torch.allclose(after[:, 2], before[:, 2] + 5, atol=1e-4)
    assert torch.allclose(after[:, 1], before[:, 1], atol=1e-4)


def test_training_mode_does_not_change_what_the_branch_answers():
    _, branch, taps = drawn(torch.float32)
    quiet = branch.logits(taps, size=16)

    branch.train()

    assert torch.equal(branch.logits(taps, size=16), quiet)


def test_stacked_training_form_agrees_with_the_definition():
    _, branch, taps = drawn(torch.float64)
    stacked = torch.cat(
        [F.interpolate(t, size=(16, 16), mode="bilinear", align_corners=False) for t in taps],
        dim=1,
    )
    pixels = stacked.permute(0, 2, 3, 1).reshape(1, -1, stacked.shape[1]).expand(3, -1, -1)

    members = branch.member_logits(pixels)

    naive = torch.stack(naive_member_logits(branch, taps, 16))
    naive = naive.permute(0, 1, 3, 4, 2).reshape(members.shape)
    assert torch.allclose(members, naive, atol=1e-12)


def test_uncertainty_is_zero_when_members_agree_and_positive_when_they_do_not():
    _, branch, taps = drawn(torch.float32)
    twins = SegmentationBranch.from_config(branch.to_config())
    alone = {name: value[:1].expand_as(value) for name, value in branch.state_dict().items()}
    twins.load_state_dict(alone)

    together = twins.eval().uncertainty(taps, size=16)
    apart = branch.uncertainty(taps, size=16)

    assert together.shape == (2, 16, 16)
    assert together.abs().max() < 1e-5
    assert apart.mean() > 1e-3


def test_taps_of_another_generator_are_refused():
    _, branch, taps = drawn(torch.float32)

    with pytest.raises(ShapeMismatchError):
        branch.logits(taps[:-1], size=16)


def test_whole_pictures_are_the_same_however_few_rows_are_made_at_once(monkeypatch):
    _, branch, taps = drawn(torch.float64)
    with torch.no_grad():
        at_once = branch.logits(taps, size=24), branch.uncertainty(taps, size=24)
        branch._small_maps.clear()
        monkeypatch.setattr("editing.segmentation.branch.STRIP_ROWS", 5)

        in_strips = branch.logits(taps, size=24), branch.uncertainty(taps, size=24)

    for one, other in zip(at_once, in_strips, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("tile_side", [1, 3, 64])
def test_the_size_of_tiles_changes_no_logit(tile_side):
    _, branch, taps = drawn(torch.float64)
    mask = torch.rand(2, 24, 24, generator=torch.Generator().manual_seed(3)) < 0.4
    pixels = RegionPixels.of_mask(
        mask, resolutions=branch.resolutions, dtype=torch.float64, tile_side=tile_side
    )

    chosen = branch.logits_at(taps, pixels)

    whole = branch.logits(taps, size=24).permute(0, 2, 3, 1)
    wanted = whole[pixels.image, pixels.row, pixels.column]
    torch.testing.assert_close(chosen, wanted, rtol=1e-12, atol=1e-12)


def test_the_same_region_gives_the_same_bits_again():
    _, branch, taps = drawn(torch.float32)
    mask = torch.ones(2, 16, 16, dtype=torch.bool)
    pixels = RegionPixels.of_mask(mask, resolutions=branch.resolutions, dtype=torch.float32)

    def gradient() -> Tensor:
        tap = taps[2].clone().requires_grad_()
        logits = branch.logits_at([*taps[:2], tap, *taps[3:]], pixels)
        return torch.autograd.grad(logits.square().sum(), tap)[0]

    assert torch.equal(gradient(), gradient())


def test_uncertainty_is_the_entropy_of_the_mean_less_the_mean_of_entropies():
    _, branch, taps = drawn(torch.float64)
    shares = torch.stack(naive_member_logits(branch, taps, 16)).softmax(dim=2)
    mean = shares.mean(dim=0)
    of_mean = -(mean * mean.log()).sum(dim=1)
    of_each = -(shares * shares.log()).sum(dim=2).mean(dim=0)

    torch.testing.assert_close(branch.uncertainty(taps, size=16), of_mean - of_each)


def test_a_picture_is_as_uncertain_as_its_most_uncertain_tenth():
    maps = torch.zeros(2, 10, 10)
    maps[0, 0] = torch.arange(10.0)
    maps[1] = 0.25

    assert image_uncertainty(maps).tolist() == [4.5, 0.25]
