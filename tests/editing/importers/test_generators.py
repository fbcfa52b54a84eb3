"""Foreign generators become ours, and draw what they drew."""

import pytest
import torch

from editing.bundle import BundleError, load_bundle
from editing.generator import reference
from editing.importers import layouts
from editing.importers.folder import load_generator, read_generator_manifest
from editing.importers.generators import import_generator
from editing.importers.pickles import Storage, TensorView
from tests.editing.importers import foreign
from tests.editing.importers.foreign import Sizes

SMALL = Sizes()


def imported(tmp_path, data: bytes, **options):
    file = tmp_path / "model.bin"
    file.write_bytes(data)
    options.setdefault("with_preview", False)
    return import_generator(file, tmp_path / "result", **options)


def codes(sizes: Sizes, num: int = 1) -> torch.Tensor:
    num_layers = 2 * len(sizes.resolutions)
    noise = torch.Generator().manual_seed(9)
    return torch.randn(num, num_layers, sizes.w_dim, generator=noise)


def drawn(folder, w_plus: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return load_generator(folder).synthesis(w_plus).image


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_an_nvidia_pickle_draws_the_same_picture(tmp_path, protocol):
    state = foreign.official_state(SMALL)
    network = foreign.nvidia_network(state, synthesis_kwargs={"conv_clamp": None})
    w_plus = codes(SMALL)

    report = imported(tmp_path, foreign.nvidia_pickle(network, protocol=protocol))

    expected = foreign.draw_official(state, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)
    slow = reference.render(load_generator(report.folder).synthesis, w_plus).image
    torch.testing.assert_close(slow, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes(64, base=1024, most=32, mapping_layers=8),
        Sizes(64, base=2048, most=32, mapping_layers=2),
        Sizes(128, base=512, most=16, w_dim=12, z_dim=20),
        Sizes(256, base=1024, most=8, noise=False),
    ],
    ids=["64 narrow", "64 wide", "128 z is not w", "256 without noise"],
)
def test_every_size_is_read_off_the_shapes(tmp_path, sizes):
    state = foreign.official_state(sizes)
    w_plus = codes(sizes)

    report = imported(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state)))

    assert report.config.resolution == sizes.resolution
    assert report.config.channels == tuple(sizes.channels(r) for r in sizes.resolutions)
    assert report.config.mapping_layers == sizes.mapping_layers
    assert report.config.noise is sizes.noise
    expected = foreign.draw_official(state, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("base", "widths"),
    [
        (32768, (512, 512, 512, 512, 512, 256, 128, 64, 32)),
        (16384, (512, 512, 512, 512, 256, 128, 64, 32, 16)),
    ],
)
def test_published_sizes_at_1024_pixels_are_explained_by_their_channel_rule(base, widths):
    sizes = Sizes(1024, base=base, most=512, w_dim=512, z_dim=512, mapping_layers=8)
    with torch.device("meta"):
        state = foreign.official_state(sizes, draw=torch.empty)
    views = {
        name: TensorView(Storage("float32", tensor.numel()), 0, tuple(tensor.shape), ())
        for name, tensor in state.items()
    }

    found = layouts.sizes_of(layouts.Found("nvidia", views))

    assert (found.resolution, found.channels) == (1024, widths)
    assert found.widths == f"base {base}, at most 512"
    assert {n: v.shape for n, v in views.items() if "filter" not in n} == found.shapes()


def test_a_narrow_generator_of_1024_pixels_draws_the_same_picture(tmp_path):
    sizes = Sizes(1024, base=4096, most=16, mapping_layers=8)
    state = foreign.official_state(sizes)
    w_plus = codes(sizes)

    report = imported(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state)))

    assert report.config.num_layers == 18
    expected = foreign.draw_official(state, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "zip-less"])
def test_rosinality_and_nvidia_files_of_the_same_weights_draw_the_same(tmp_path, legacy):
    state = foreign.official_state(SMALL)
    renamed = foreign.rosinality_state(state)
    content = {"g_ema": renamed, "latent_avg": state["mapping.w_avg"]}
    w_plus = codes(SMALL)

    report = imported(tmp_path, foreign.torch_file(content, legacy=legacy))

    pickled = tmp_path / "other.pkl"
    pickled.write_bytes(foreign.nvidia_pickle(foreign.nvidia_network(state)))
    other = import_generator(pickled, tmp_path / "other", with_preview=False)
    assert report.fingerprint == other.fingerprint
    expected = foreign.draw_rosinality(renamed, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "zip-less"])
def test_a_training_file_with_optimizers_and_arguments_is_read(tmp_path, legacy):
    state = foreign.official_state(SMALL)

    report = imported(tmp_path, foreign.rosinality_training_file(state, legacy=legacy))

    assert "args" in report.original.ignored
    assert "g_optim" in report.original.ignored
    z = torch.randn(5, SMALL.z_dim)
    generator = load_generator(report.folder)
    expected = foreign.map_official(state, z)
    torch.testing.assert_close(generator.map(z), expected, rtol=1e-5, atol=1e-5)


def test_a_file_without_a_mean_style_gets_the_mean_of_samples(tmp_path):
    state = foreign.official_state(SMALL)
    content = {"g_ema": foreign.rosinality_state(state)}

    report = imported(tmp_path, foreign.torch_file(content))

    z = torch.randn(20_000, SMALL.z_dim, generator=torch.Generator().manual_seed(3))
    expected = foreign.map_official(state, z).mean(dim=0)
    found = load_generator(report.folder).w_avg
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05)
    assert any("10,000 samples" in note for note in report.original.notes)


def test_the_decoder_of_an_encoder_file_is_read_and_the_encoder_is_not(tmp_path):
    state = foreign.official_state(SMALL)
    decoder = {f"decoder.{k}": v for k, v in foreign.rosinality_state(state).items()}
    content = {
        "state_dict": {**decoder, "encoder.input_layer.0.weight": torch.ones(2, 3)},
        "opts": {"device": "cuda", "lr": 0.0001},
        "latent_avg": state["mapping.w_avg"].expand(8, -1).clone(),
    }
    w_plus = codes(SMALL)

    report = imported(tmp_path, foreign.torch_file(content))

    assert report.original.layout == "psp"
    assert set(report.original.ignored) == {"opts", "encoder.*"}
    torch.testing.assert_close(load_generator(report.folder).w_avg, state["mapping.w_avg"])
    expected = foreign.draw_official(state, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)


def test_a_generator_pickled_into_a_torch_file_is_read(tmp_path):
    state = foreign.official_state(SMALL)
    with foreign.named_modules():
        data = foreign.torch_file(foreign.nvidia_network(state))

    report = imported(tmp_path, data)

    w_plus = codes(SMALL)
    expected = foreign.draw_official(state, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("told", "clamp"),
    [
        ({"synthesis_kwargs": {"conv_clamp": 1.5}}, 1.5),
        ({"conv_clamp": 1.5, "channel_base": 512}, 1.5),
        ({"synthesis_kwargs": {"channel_base": 512}}, None),
        ({"channel_base": 512}, 256.0),
    ],
)
def test_the_clamp_is_the_one_the_model_was_trained_with(tmp_path, told, clamp):
    state = foreign.official_state(SMALL)
    w_plus = codes(SMALL)

    report = imported(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state, **told)))

    assert report.config.clamp == clamp
    expected = foreign.draw_official(state, w_plus[0], clamp=clamp)[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)
    if clamp == 1.5:
        loose = foreign.draw_official(state, w_plus[0])
        assert (expected[0] - loose).abs().max() > 0.1


def test_another_learning_rate_of_the_mapping_is_kept(tmp_path):
    state = foreign.official_state(SMALL)
    network = foreign.nvidia_network(state, mapping_kwargs={"lr_multiplier": 0.02})

    report = imported(tmp_path, foreign.nvidia_pickle(network))

    z = torch.randn(3, SMALL.z_dim)
    expected = foreign.map_official(state, z, lr_mul=0.02)
    found = load_generator(report.folder).map(z)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precision_become_float32(tmp_path, dtype):
    state = {k: v.to(dtype) for k, v in foreign.official_state(SMALL).items()}
    w_plus = codes(SMALL)

    report = imported(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state)))

    plain = {k: v.float() for k, v in state.items()}
    expected = foreign.draw_official(plain, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)


def test_weights_that_lie_in_memory_in_another_order_are_read_right(tmp_path):
    state = foreign.official_state(SMALL)
    name = "synthesis.b8.conv1.weight"
    turned = {**state, name: state[name].contiguous(memory_format=torch.channels_last)}

    report = imported(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(turned)))

    weight = load_generator(report.folder).synthesis.b8.conv1.weight
    assert torch.equal(weight, state[name])


def test_layers_without_noise_are_imported_with_strength_zero(tmp_path):
    state = foreign.official_state(SMALL)
    kept = {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith("synthesis.b16.conv0.noise")
    }
    w_plus = codes(SMALL)

    report = imported(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(kept)))

    assert report.config.noise
    expected = foreign.draw_official(kept, w_plus[0])[None]
    torch.testing.assert_close(drawn(report.folder, w_plus), expected, rtol=1e-5, atol=1e-5)


def test_the_result_says_where_it_comes_from_and_is_no_bundle_yet(tmp_path):
    data = foreign.nvidia_pickle(foreign.nvidia_network(foreign.official_state(SMALL)), D=None)

    report = imported(tmp_path, data, title="Faces", license="CC-BY-NC-4.0", with_preview=True)

    manifest = read_generator_manifest(report.folder)
    assert manifest.title == "Faces"
    assert manifest.license == "CC-BY-NC-4.0"
    assert manifest.original == report.original
    assert len(manifest.original.sha256) == 64
    assert set(manifest.original.classes) == {"Generator", "Layer"}
    assert "D" in manifest.original.ignored
    assert (report.folder / "preview.png").stat().st_size > 1000
    with pytest.raises(BundleError, match="bundle/1"):
        load_bundle(report.folder)


def test_progress_is_told_and_raising_there_ends_the_import(tmp_path):
    data = foreign.nvidia_pickle(foreign.nvidia_network(foreign.official_state(SMALL)))
    told: list[tuple[str, int, int]] = []

    imported(tmp_path, data, on_progress=lambda *step: told.append(step))

    assert {stage for stage, _, _ in told} == {"hash", "understand", "read", "draw"}
    assert all(done <= total for _, done, total in told)

    def cancel(*step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_generator(tmp_path / "model.bin", tmp_path / "late", on_progress=cancel)
    assert not (tmp_path / "late").exists()
