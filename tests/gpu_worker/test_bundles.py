from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from editing.bundle import BundleMissingError, BundleTamperedError
from editing.perceptual.lpips import Vgg16
from gpu_worker import service
from gpu_worker.bundles import Bundles, num_bytes
from gpu_worker.settings import read_settings
from tests.factories.families import TINY, write_tiny_family


def two_families(folder: Path) -> None:
    write_tiny_family(folder)
    (folder / TINY).rename(folder / "first")
    write_tiny_family(folder)
    (folder / TINY).rename(folder / "second")


def test_a_bundle_is_loaded_once_while_it_fits(tmp_path: Path) -> None:
    two_families(tmp_path)
    bundles = Bundles(tmp_path, device=torch.device("cpu"), budget=1 << 30)

    first = bundles.get("first")
    bundles.get("second")

    assert bundles.get("first") is first
    assert bundles.warm() == ["second", "first"]


def test_the_bundle_used_longest_ago_makes_room(tmp_path: Path) -> None:
    two_families(tmp_path)
    size = num_bytes(write_tiny_family(tmp_path))
    bundles = Bundles(tmp_path, device=torch.device("cpu"), budget=size)

    bundles.get("first")
    bundles.get("second")

    assert bundles.warm() == ["second"]


def test_an_unknown_bundle_is_refused_by_its_code(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path, device=torch.device("cpu"), budget=1)

    with pytest.raises(BundleMissingError):
        bundles.get("../etc")


def test_a_changed_weight_file_is_refused(tmp_path: Path) -> None:
    write_tiny_family(tmp_path)
    weights = tmp_path / TINY / "generator.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    bundles = Bundles(tmp_path, device=torch.device("cpu"), budget=1 << 30)

    with pytest.raises(BundleTamperedError):
        bundles.get(TINY)


def test_an_operator_s_perceptual_weights_judge_every_bundle(tmp_path: Path) -> None:
    write_tiny_family(tmp_path / "bundles")
    save_file(Vgg16().state_dict(), tmp_path / "vgg16.safetensors")
    settings = read_settings(
        {
            "REDIS_URL": "redis://localhost:1/0",
            "BUNDLES_DIR": str(tmp_path / "bundles"),
            "LPIPS_VGG16": str(tmp_path / "vgg16.safetensors"),
            "DEVICE": "cpu",
        }
    )

    bundle = service.Service(settings).bundles.get(TINY)

    assert bundle.perceptual.name == "vgg16-alike/1"
    assert bundle.manifest.extractor.name == "vgg16-alike/1"
