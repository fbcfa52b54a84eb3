"""VGG-LPIPS from an operator's files: the paper's distance, and files that are refused."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from editing import optimize
from editing.perceptual import PerceptualWeightsError, load_lpips, with_lpips
from editing.perceptual.lpips import STAGES, Vgg16
from tests.factories.networks import tiny_bundle, tiny_codes


@pytest.fixture(scope="module")
def vgg_weights():
    torch.manual_seed(3)
    weights = Vgg16().state_dict()
    # As in the file of the whole classifier.
    return weights | {"classifier.0.weight": torch.zeros(2, 2)}


@pytest.fixture(scope="module")
def linear_weights():
    noise = torch.Generator().manual_seed(5)
    return {
        f"lin{k}.model.1.weight": torch.rand(1, stage[-1], 1, 1, generator=noise)
        for k, stage in enumerate(STAGES)
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory, vgg_weights, linear_weights):
    folder = tmp_path_factory.mktemp("weights")
    save_file(vgg_weights, folder / "vgg16.safetensors")
    torch.save(linear_weights, folder / "lin.pt")
    return folder / "vgg16.safetensors", folder / "lin.pt"


def lpips_by_the_paper(vgg, linear, image, other):
    """Return the distance layer by layer, straight from section 3, for one pair."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    total, index = torch.zeros(()), 0
    pair = [((x + 1) / 2 - mean) / std for x in (image, other)]
    for stage, widths in enumerate(STAGES):
        for _ in widths:
            weight, bias = vgg[f"features.{index}.weight"], vgg[f"features.{index}.bias"]
            pair = [F.relu(F.conv2d(x, weight, bias, padding=1)) for x in pair]
            index += 2
        one, two = (x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for x in pair)
        weighted = (one - two).square() * linear[f"lin{stage}.model.1.weight"]
        total = total + weighted.sum(dim=1).mean()
        pair = [F.max_pool2d(x, 2) for x in pair]
        index += 1
    return float(total)


def test_the_distance_is_the_paper_s_plus_the_pyramid(files, vgg_weights, linear_weights):
    perceptual = load_lpips(*files)
    noise = torch.Generator().manual_seed(1)
    image, other = (torch.rand(1, 3, 32, 32, generator=noise) * 2 - 1 for _ in range(2))

    seen = perceptual.remember(image)
    features = sum(
        (a - b).square().sum(dim=1).mean()
        for a, b in zip(seen.features, perceptual.remember(other).features, strict=True)
    )

    expected = lpips_by_the_paper(vgg_weights, linear_weights, image, other)
    assert float(features) == pytest.approx(expected, rel=1e-4)
    assert float(perceptual.distance(image, other)) > expected
    assert perceptual.name == "lpips-vgg16/1"


def test_without_linear_weights_all_channels_weigh_alike(files):
    perceptual = load_lpips(files[0])

    assert perceptual.channel_weights is None
    assert perceptual.name == "vgg16-alike/1"


def test_a_bundle_edits_with_it_and_says_so(files):
    bundle = tiny_bundle()
    w_plus = tiny_codes(bundle.generator, 1, seed=5)
    offset = tiny_codes(bundle.generator, 1, seed=6)[0] - w_plus[0]

    judged = with_lpips(bundle, load_lpips(*files))
    steps = list(optimize.refine(judged, w_plus, [(offset, 0.5)], steps=3))

    assert judged.manifest.extractor.name == judged.perceptual.name == "lpips-vgg16/1"
    pictures = judged.render(judged.probes)
    unrelated = judged.perceptual.distance(pictures, pictures.roll(1, dims=0)).mean()
    assert float(unrelated) == pytest.approx(0.6, rel=1e-4)
    assert min(step.total for step in steps) < steps[0].total
    assert bundle.perceptual.name != "lpips-vgg16/1"


def saved(folder, weights):
    path = folder / "weights.pt"
    torch.save(weights, path)
    return path


def test_files_that_do_not_fit_are_refused_with_what_was_expected(
    tmp_path, files, vgg_weights, linear_weights
):
    missing = {k: v for k, v in vgg_weights.items() if k != "features.28.weight"}
    with pytest.raises(PerceptualWeightsError, match="no tensor features"):
        load_lpips(saved(tmp_path, missing))
    narrow = vgg_weights | {"features.0.weight": torch.zeros(32, 3, 3, 3)}
    with pytest.raises(PerceptualWeightsError, match=r"expected \(64, 3, 3, 3\)"):
        load_lpips(saved(tmp_path, narrow))
    broken = vgg_weights | {"features.0.bias": torch.full((64,), torch.nan)}
    with pytest.raises(PerceptualWeightsError, match="NaN"):
        load_lpips(saved(tmp_path, broken))
    negative = linear_weights | {"lin0.model.1.weight": -torch.ones(1, 64, 1, 1)}
    with pytest.raises(PerceptualWeightsError, match="negative"):
        load_lpips(files[0], saved(tmp_path, negative))
    with pytest.raises(PerceptualWeightsError, match="not a state dict"):
        load_lpips(saved(tmp_path, [torch.zeros(1)]))


class Opens:
    """A pickle that would create a file if it were executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_file_that_runs_code_is_refused_and_runs_nothing(tmp_path):
    trace = tmp_path / "trace"
    path = saved(tmp_path, {"features.0.weight": Opens(trace)})

    with pytest.raises(PerceptualWeightsError, match="no file of tensors"):
        load_lpips(path)

    assert not trace.exists()
    with pytest.raises(PerceptualWeightsError):
        load_lpips(tmp_path / "absent.safetensors")


def test_pictures_that_the_poolings_would_use_up_are_refused(files):
    with pytest.raises(Exception, match="16 px"):
        load_lpips(files[0]).remember(torch.zeros(1, 3, 8, 8))
