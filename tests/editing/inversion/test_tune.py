"""Tuning: closer to one picture, in a small file, and nothing else much changed."""

import math

import pytest
import torch
from safetensors.torch import save_file

from editing.errors import NotFiniteError, ShapeMismatchError
from editing.inversion import invert as inversion
from editing.inversion import tune
from editing.inversion.tune import (
    TuneOptions,
    TuneOptionsError,
    TuningFileError,
    TuningModelError,
)
from tests.factories.networks import tiny_bundle, tiny_codes


def stranger(bundle) -> torch.Tensor:
    """Return a picture that the bundle cannot draw: stripes."""
    image = torch.zeros(1, 3, 16, 16)
    image[..., ::4] = 0.8
    return image


def tuned_to(bundle, image, **options):
    code = tiny_codes(bundle.generator, 1, seed=5)
    run = tune.tune(bundle, image, code, options=TuneOptions(**options))
    return code, tune.finish(run)


def test_tuning_comes_closer_to_a_picture_the_code_alone_cannot_draw():
    bundle = tiny_bundle()
    image = stranger(bundle)
    fingerprint = bundle.fingerprint

    code, tuning = tuned_to(bundle, image, steps=60, learning_rate=1e-2)

    before = inversion.assess(bundle, image, code)
    after = inversion.assess(tune.tuned(bundle, tuning), image, code)
    assert after.psnr_db > before.psnr_db + 1
    assert bundle.fingerprint == fingerprint
    assert torch.equal(inversion.assess(bundle, image, code).image, before.image)


def test_differences_have_the_rank_asked_for_and_start_at_nothing():
    bundle = tiny_bundle()

    _, tuning = tuned_to(bundle, stranger(bundle), steps=3, rank=2)
    first = next(tune.tune(bundle, stranger(bundle), tuning.w_plus)).best

    assert {factor.shape[1] for factor in tuning.up.values()} == {2}
    assert not any(factor.any() for factor in first.up.values())


def test_what_lies_beyond_the_picture_is_kept_the_more_the_more_it_weighs():
    bundle = tiny_bundle()
    image = stranger(bundle)

    def drift(weight: float) -> float:
        code, tuning = tuned_to(bundle, image, steps=40, learning_rate=1e-2, lambda_rest=weight)
        others = code.lerp(bundle.probes, 0.5)
        changed = tune.tuned(bundle, tuning).render(others) - bundle.render(others)
        return float(changed.square().mean())

    assert drift(300.0) < 0.7 * drift(0.0)


def test_a_file_gives_back_the_tuning_and_is_smaller_than_the_generator(tmp_path):
    bundle = tiny_bundle()
    code, tuning = tuned_to(bundle, stranger(bundle), steps=5, rank=1)

    tune.save(tuning, tmp_path / "t.safetensors")
    back = tune.load(tmp_path / "t.safetensors")

    drawn = (tune.tuned(bundle, found).render(code) for found in (tuning, back))
    assert torch.equal(*drawn)
    assert back.fingerprint == bundle.fingerprint
    generator_bytes = sum(4 * p.numel() for p in bundle.generator.parameters())
    assert 2 * tuning.num_values < generator_bytes / 4


def test_a_tuning_of_another_generator_is_refused_with_both_fingerprints():
    bundle, other = tiny_bundle(0), tiny_bundle(1)
    _, tuning = tuned_to(bundle, stranger(bundle), steps=1)

    with pytest.raises(TuningModelError, match=bundle.fingerprint) as refusal:
        tune.tuned(other, tuning)

    assert other.fingerprint in str(refusal.value)
    assert refusal.value.code == "tune.other_model"


def test_files_that_are_no_tuning_of_this_generator_are_refused(tmp_path):
    bundle = tiny_bundle()
    _, tuning = tuned_to(bundle, stranger(bundle), steps=1)
    path = tmp_path / "t.safetensors"
    about = {"format": "tuning/1", "fingerprint": bundle.fingerprint, "figures": "{}"}

    def refused(tensors, metadata=about, *, error=TuningFileError) -> None:
        save_file(tensors, path, metadata)
        with pytest.raises(error):
            tune.tuned(bundle, tune.load(path))

    w_plus = tuning.w_plus
    refused({"w_plus": w_plus}, {**about, "format": "tuning/9"})
    refused({"w_plus": w_plus}, {"format": "tuning/1"})
    refused({"w_plus": w_plus}, {**about, "figures": "[" * 100_000})
    refused({"w_plus": w_plus}, {**about, "figures": '{"psnr_db": 1' + "0" * 400 + "}"})
    refused({"other": w_plus})
    refused({"w_plus": w_plus, "nobody.up": torch.ones(2, 1), "nobody.down": torch.ones(1, 2)})
    name = next(iter(tuning.up))
    refused({"w_plus": w_plus, f"{name}.up": torch.ones(2, 1)})
    refused(
        {"w_plus": w_plus, f"{name}.up": torch.ones(2, 1), f"{name}.down": torch.ones(1, 2)}
    )
    refused({"w_plus": torch.full_like(w_plus, math.nan)}, error=NotFiniteError)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TuningFileError):
        tune.load(path)
    with pytest.raises(TuningFileError):
        tune.load(tmp_path / "absent")


def test_numbers_and_pictures_that_no_tuning_can_be_made_with_are_refused():
    bundle = tiny_bundle()
    code = tiny_codes(bundle.generator, 1)

    for options in ({"steps": 0}, {"rank": 0}, {"rank": 65}, {"lambda_rest": math.inf}):
        with pytest.raises(TuneOptionsError):
            TuneOptions(**options)
    with pytest.raises(ShapeMismatchError):
        tune.tune(bundle, torch.zeros(1, 3, 8, 8), code)
    with pytest.raises(NotFiniteError):
        tune.tune(bundle, torch.full((1, 3, 16, 16), math.nan), code)
