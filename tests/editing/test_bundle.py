"""Bundles on disk: what comes back, and what is refused."""

import json
from dataclasses import replace

import pytest
import torch

from editing.bundle import (
    BundleError,
    BundleMissingError,
    BundleTamperedError,
    fingerprint,
    load_bundle,
    read_manifest,
    round_to_half,
    save_bundle,
)
from editing.images import read_labels
from tests.factories.networks import tiny_bundle, tiny_codes, tiny_generator


@pytest.fixture
def folder(tmp_path):
    bundle = tiny_bundle()
    codes = tiny_codes(bundle.generator, 2, seed=3)
    save_bundle(
        bundle,
        tmp_path / "tiny-16",
        samples={"ada": codes[0], "bo": codes[1]},
        usual_error=(0.01, 0.02, 0.05),
        figures={"inversion_psnr_db": 30.0},
    )
    return tmp_path / "tiny-16"


def test_a_loaded_bundle_draws_and_segments_as_the_saved_one(folder):
    saved, loaded = tiny_bundle(), load_bundle(folder)
    codes = tiny_codes(saved.generator, 2, seed=3)

    assert torch.equal(loaded.render(codes), saved.render(codes))
    assert torch.equal(loaded.segment(codes), saved.segment(codes))
    assert torch.equal(loaded.probes, saved.probes)
    assert loaded.schema == saved.schema
    assert loaded.perceptual.scale == saved.perceptual.scale
    assert loaded.usual_error == (0.01, 0.02, 0.05)
    assert not any(p.requires_grad for p in loaded.generator.parameters())
    assert not loaded.branch.training


def test_weights_rounded_to_half_take_half_the_bytes_and_come_back_exactly(tmp_path):
    plain, rounded = tiny_bundle(), tiny_bundle()
    round_to_half(rounded.generator)
    update = {"fingerprint": fingerprint(rounded.generator)}
    rounded = replace(rounded, manifest=rounded.manifest.model_copy(update=update))

    save_bundle(plain, tmp_path / "plain")
    save_bundle(rounded, tmp_path / "rounded")

    whole, half = (
        (tmp_path / name / "generator.safetensors").stat().st_size
        for name in ("plain", "rounded")
    )
    assert half < 0.7 * whole
    before, after = (
        bundle.generator.state_dict() for bundle in (rounded, load_bundle(tmp_path / "rounded"))
    )
    assert all(torch.equal(after[name], before[name]) for name in before)
    codes = tiny_codes(plain.generator, 2, seed=3)
    assert (rounded.render(codes) - plain.render(codes)).abs().max() < 0.01


def test_samples_are_codes_with_pictures_and_label_maps(folder):
    loaded = load_bundle(folder)

    samples = loaded.samples()

    assert list(samples) == ["ada", "bo"]
    labels = read_labels(folder / "samples" / "bo.labels.png", num_parts=4, size=16)
    assert torch.equal(labels, loaded.segment(samples["bo"][None]))
    assert (folder / "samples" / "ada.png").is_file()


def test_the_manifest_says_what_programs_without_torch_need(folder):
    manifest = json.loads((folder / "manifest.json").read_text())

    assert manifest["format"] == "bundle/1"
    assert [part["name"] for part in manifest["schema"]["parts"]][:2] == [
        "background",
        "block_1",
    ]
    assert (manifest["num_layers"], manifest["w_dim"]) == (6, 12)
    assert manifest["usual_error"] == [0.01, 0.02, 0.05]
    assert all(len(value) == 64 for value in manifest["files"].values())


@pytest.mark.parametrize("name", ["generator", "branch", "probes"])
def test_a_changed_byte_in_any_network_is_refused(folder, name):
    path = folder / f"{name}.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(BundleTamperedError) as refusal:
        load_bundle(folder)

    assert refusal.value.code == "bundle.hash_mismatch"
    assert name in str(refusal.value)


def test_a_generator_swapped_together_with_its_hash_is_refused(folder, tmp_path):
    other = tmp_path / "other"
    save_bundle(tiny_bundle(1), other)
    (folder / "generator.safetensors").write_bytes(
        (other / "generator.safetensors").read_bytes()
    )
    text = json.loads((folder / "manifest.json").read_text())
    text["files"]["generator.safetensors"] = read_manifest(other).files["generator.safetensors"]
    (folder / "manifest.json").write_text(json.dumps(text))

    with pytest.raises(BundleTamperedError, match="fingerprint"):
        load_bundle(folder)


def test_missing_folders_files_and_unreadable_manifests_are_refused(folder, tmp_path):
    with pytest.raises(BundleMissingError):
        load_bundle(tmp_path / "nowhere")

    (folder / "branch.safetensors").unlink()
    with pytest.raises(BundleMissingError, match="branch"):
        load_bundle(folder)

    (folder / "manifest.json").write_text("{}")
    with pytest.raises(BundleError, match="manifest"):
        load_bundle(folder)


def test_a_manifest_that_describes_other_networks_is_refused(folder):
    text = json.loads((folder / "manifest.json").read_text())
    text["networks"]["branch"]["num_members"] = 2
    (folder / "manifest.json").write_text(json.dumps(text))

    with pytest.raises(BundleError, match="branch"):
        load_bundle(folder)


def test_fingerprints_tell_generators_apart_down_to_one_value():
    one, same, other = tiny_generator(0), tiny_generator(0), tiny_generator(1)
    before = fingerprint(one)

    one.mapping.w_avg[0] += 1e-3

    assert before == fingerprint(same) != fingerprint(other)
    assert fingerprint(one) != before


def test_unrelated_pictures_are_six_tenths_apart_in_an_assembled_bundle():
    bundle = tiny_bundle()
    pictures = bundle.render(bundle.probes)

    distance = bundle.perceptual.distance(pictures, pictures.roll(1, dims=0))

    assert distance.mean().item() == pytest.approx(0.6, rel=1e-4)
