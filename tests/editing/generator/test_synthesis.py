"""The fast generator is the textbook one: same pictures, same taps, same gradients."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from editing.errors import ShapeMismatchError
from editing.generator import GeneratorConfig, Synthesis, reference
from editing.generator.layers import EqualizedLinear, StyledConv, fir_kernel, upsample_rgb

CONFIG = GeneratorConfig(resolution=16, w_dim=12, z_dim=12, channels=(8, 6, 5))


def synthesis_of(config: GeneratorConfig, *, dtype: torch.dtype = torch.float64) -> Synthesis:
    """Return a seeded synthesis whose biases and noise are not zero."""
    torch.manual_seed(3)
    synthesis = Synthesis(config)
    with torch.no_grad():
        for name, parameter in synthesis.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return synthesis.to(dtype)


def w_plus_of(
    config: GeneratorConfig, num: int = 3, *, dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(num, config.num_layers, config.w_dim, generator=generator, dtype=dtype)


@pytest.mark.parametrize("options", [{}, {"noise": True}, {"clamp": 0.7}])
def test_scaled_activations_give_the_same_picture_and_taps_as_per_sample_weights(options):
    config = dataclasses.replace(CONFIG, **options)
    synthesis, w_plus = synthesis_of(config), w_plus_of(config)

    fast = synthesis(w_plus, with_taps=True)
    slow = reference.render(synthesis, w_plus)

    torch.testing.assert_close(fast.image, slow.image, rtol=1e-6, atol=1e-6)
    for ours, theirs in zip(fast.taps, slow.taps, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_single_precision_stays_within_a_ten_thousandth_of_the_oracle():
    synthesis = synthesis_of(CONFIG, dtype=torch.float32)
    w_plus = w_plus_of(CONFIG, dtype=torch.float32)

    fast = synthesis(w_plus).image
    slow = reference.render(synthesis, w_plus).image

    assert (fast - slow).norm() / slow.norm() < 1e-4


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("options", [{}, {"noise": True}, {"clamp": 0.7}])
def test_gradients_on_w_plus_agree_with_the_oracle(options, frozen):
    config = dataclasses.replace(CONFIG, **options)
    synthesis = synthesis_of(config).requires_grad_(not frozen)
    w_plus = w_plus_of(config).requires_grad_()
    noise = torch.Generator().manual_seed(7)

    def gradient(rendering) -> torch.Tensor:
        noise.manual_seed(7)
        maps = [rendering.image, *rendering.taps]
        weights = [torch.randn(m.shape, generator=noise, dtype=m.dtype) for m in maps]
        loss = sum((m * weight).sum() for m, weight in zip(maps, weights, strict=True))
        return torch.autograd.grad(loss, w_plus)[0]

    fast = gradient(synthesis(w_plus, with_taps=True))
    slow = gradient(reference.render(synthesis, w_plus))

    torch.testing.assert_close(fast, slow, rtol=1e-6, atol=1e-6)


def test_frozen_weights_draw_the_same_picture_with_and_without_gradients():
    synthesis = synthesis_of(dataclasses.replace(CONFIG, noise=True, clamp=2.0))
    w_plus = w_plus_of(CONFIG)
    learning = synthesis(w_plus).image

    frozen = synthesis.requires_grad_(False)(w_plus.requires_grad_()).image

    torch.testing.assert_close(frozen, learning, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("first_layer", [2, 3, 4, 5])
def test_a_prefix_and_the_blocks_after_it_draw_the_whole_picture(first_layer):
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)
    moved = w_plus.clone()
    moved[:, first_layer:] += 0.5

    prefix = synthesis.prefix(synthesis.styles(w_plus), first_layer=first_layer)
    late = synthesis.from_styles(synthesis.styles(moved), prefix=prefix).image

    assert prefix.resolution == {2: 4, 3: 4, 4: 8, 5: 8}[first_layer]
    torch.testing.assert_close(late, synthesis(moved).image, rtol=1e-12, atol=1e-12)


def test_there_is_no_prefix_when_the_first_block_changes():
    synthesis = synthesis_of(CONFIG)
    styles = synthesis.styles(w_plus_of(CONFIG))

    assert synthesis.prefix(styles, first_layer=0) is None
    assert synthesis.prefix(styles, first_layer=1) is None


def test_one_picture_s_prefix_serves_a_batch_of_strengths():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG, 1)
    moved = w_plus.repeat(4, 1, 1)
    moved[:, 4:] += torch.arange(4.0, dtype=torch.float64)[:, None, None]

    prefix = synthesis.prefix(synthesis.styles(w_plus), first_layer=4)
    batch = synthesis.from_styles(synthesis.styles(moved), prefix=prefix).image

    torch.testing.assert_close(batch, synthesis(moved).image, rtol=1e-12, atol=1e-12)


def test_joined_affines_give_each_layer_s_own_style_and_follow_new_weights():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)

    def each() -> list[torch.Tensor]:
        return [module.affine(w_plus[:, row]) for row, module in synthesis.layers()]

    synthesis.requires_grad_(False)
    torch.testing.assert_close(list(synthesis.styles(w_plus)), each())
    with torch.no_grad():
        synthesis.b8.conv1.affine.bias.add_(1.0)
    torch.testing.assert_close(list(synthesis.styles(w_plus)), each())


def test_features_may_be_half_precision_while_the_picture_stays_single():
    synthesis = synthesis_of(CONFIG, dtype=torch.float32)
    w_plus = w_plus_of(CONFIG, dtype=torch.float32)

    rough = synthesis(w_plus, dtype=torch.bfloat16, with_taps=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        automatic = synthesis(w_plus)
    exact = synthesis(w_plus).image

    assert rough.image.dtype == torch.float32
    assert rough.taps[-1].dtype == torch.bfloat16
    assert torch.equal(rough.image, automatic.image)
    assert (rough.image - exact).norm() / exact.norm() < 0.03


def test_taps_are_the_constant_and_every_styled_convolution():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)

    taps = synthesis(w_plus, with_taps=True).taps

    assert synthesis.tap_shapes == ((4, 8), (4, 8), (8, 6), (8, 6), (16, 5), (16, 5))
    assert [(tap.shape[2], tap.shape[1]) for tap in taps] == list(synthesis.tap_shapes)
    assert all(len(tap) == len(w_plus) for tap in taps)
    assert torch.equal(taps[0][2], synthesis.b4.const)


def test_torgb_reads_the_same_row_of_w_plus_as_the_next_first_convolution():
    synthesis = Synthesis(GeneratorConfig(64, 4, 4, (4, 4, 4, 4, 4)))
    names = {module: name for name, module in synthesis.named_modules()}

    rows = {names[module]: row for row, module in synthesis.layers()}

    assert rows["b4.conv1"] == 0
    assert rows["b4.torgb"] == rows["b8.conv0"] == 1
    assert (rows["b64.conv0"], rows["b64.conv1"], rows["b64.torgb"]) == (7, 8, 9)
    assert synthesis.config.num_layers == 10


def test_changing_one_row_of_w_plus_leaves_earlier_taps_alone():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)
    moved = w_plus.clone()
    moved[:, 3] += 1.0  # b16.conv0 and b8.torgb

    before = synthesis(w_plus, with_taps=True)
    after = synthesis(moved, with_taps=True)

    same = [torch.equal(a, b) for a, b in zip(before.taps, after.taps, strict=True)]
    assert same == [True, True, True, True, False, False]
    assert not torch.equal(before.image, after.image)


def test_styles_are_linear_in_w_plus_and_draw_the_same_picture():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)

    whole = synthesis(w_plus).image
    halves = synthesis.from_styles(synthesis.styles(w_plus)).image
    middle = synthesis.styles((w_plus[:1] + w_plus[1:2]) / 2)

    assert torch.equal(whole, halves)
    for style, blended in zip(synthesis.styles(w_plus), middle, strict=True):
        torch.testing.assert_close((style[0] + style[1]) / 2, blended[0])


def test_stopping_early_gives_the_running_picture_of_that_block():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)
    small = Synthesis(GeneratorConfig(8, 12, 12, (8, 6))).double()
    small.load_state_dict(
        {k: v for k, v in synthesis.state_dict().items() if not k.startswith("b16")}
    )

    early = synthesis(w_plus, resolution=8).image

    assert early.shape == (3, 3, 8, 8)
    torch.testing.assert_close(early, small(w_plus[:, :4]).image)


def test_frozen_weights_notice_when_they_are_replaced():
    synthesis, w_plus = synthesis_of(CONFIG), w_plus_of(CONFIG)
    synthesis.requires_grad_(False)
    synthesis(w_plus)
    other = {k: torch.randn_like(v) for k, v in synthesis.state_dict().items()}
    synthesis.load_state_dict(other)

    fast = synthesis(w_plus).image

    torch.testing.assert_close(fast, reference.render(synthesis, w_plus).image)


def test_a_code_of_the_wrong_shape_is_refused():
    synthesis = synthesis_of(CONFIG)

    with pytest.raises(ShapeMismatchError):
        synthesis(torch.zeros(1, 5, 12, dtype=torch.float64))


def test_the_filter_sums_to_its_gain_and_upsampling_spreads_one_pixel_as_by_hand():
    rgb = torch.zeros(1, 1, 2, 2)
    rgb[0, 0, 0, 0] = 16.0

    up = upsample_rgb(rgb, fir_kernel(4.0))

    # One pixel becomes [3, 3, 1, 0] / 4 along each axis: a tap of 1 falls off the border.
    row = torch.tensor([3.0, 3.0, 1.0, 0.0])
    assert fir_kernel().sum() == 1.0
    assert torch.equal(up[0, 0], row[:, None] * row[None, :])
    assert torch.equal(up, reference.upsample(rgb))


def test_an_upsampling_convolution_keeps_the_mean_of_a_constant_inside():
    """With an all-centre kernel the layer must be the plain FIR upsampling."""
    layer = StyledConv(1, 1, w_dim=1, resolution=8, upsample=True, clamp=None, noise=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 1] = 1.0

    out = layer(torch.ones(1, 1, 4, 4), torch.ones(1, 1))

    assert out.shape == (1, 1, 8, 8)
    torch.testing.assert_close(out[0, 0, 2:6, 2:6], torch.full((4, 4), 2.0**0.5))


def test_an_equalized_layer_scales_weight_by_fan_in_and_bias_by_its_multiplier():
    layer = EqualizedLinear(4, 1, bias_init=1.0, lr_mul=0.01)
    with torch.no_grad():
        layer.weight.fill_(100.0)

    out = layer(torch.ones(1, 4))

    # 4 inputs of 1, weight 100 * 0.01 / 2 each, and a bias of 1.
    torch.testing.assert_close(out, torch.tensor([[3.0]]))
    torch.testing.assert_close(F.relu(layer.bias), torch.tensor([100.0]))
