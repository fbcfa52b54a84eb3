"""Mapping, truncation and the shape of a generator."""

import json

import pytest
import torch

from editing.generator import Generator, GeneratorConfig
from editing.generator.config import GeneratorConfigError

NOISE = GeneratorConfig(8, 6, 6, (4, 4), mapping_layers=2)
CODE = GeneratorConfig(8, 9, 4, (4, 4), mapping="code", mapping_layers=4, mapping_lr_mul=1.0)


def generator_of(config: GeneratorConfig) -> Generator:
    torch.manual_seed(1)
    return Generator(config)


def test_noise_is_normalized_so_its_length_does_not_matter():
    generator, z = generator_of(NOISE), torch.randn(2, 6)

    torch.testing.assert_close(generator.map(z), generator.map(z * 3), rtol=1e-4, atol=1e-5)


def test_a_code_keeps_its_length_and_is_handed_through():
    generator, code = generator_of(CODE), torch.randn(2, 4)

    w = generator.map(code)

    assert w.shape == (2, 9)
    torch.testing.assert_close(w[:, 5:], code * 2.5)
    assert not torch.allclose(w[:, :5], generator.map(code * 3)[:, :5])


def test_truncation_moves_styles_toward_the_mean_on_all_or_the_first_layers():
    generator, z = generator_of(NOISE), torch.randn(2, 6)
    generator.set_w_avg(torch.randn(50, 6))
    w = generator.map(z)

    half = generator.map(z, psi=0.5)
    first_two = generator.map(z, psi=0.0, num_truncated=2)

    torch.testing.assert_close(half, (generator.w_avg + w) / 2)
    assert torch.equal(first_two[:, :2], generator.w_avg.expand(2, 2, -1))
    assert torch.equal(first_two[:, 2:], generator.broadcast(w)[:, 2:])


def test_a_seed_is_always_the_same_picture():
    generator = generator_of(NOISE)

    _, one = generator.sample(85)
    _, again = generator.sample(85)
    _, other = generator.sample(86)

    assert torch.equal(one.image, again.image)
    assert not torch.equal(one.image, other.image)


def test_parameters_carry_the_names_of_public_checkpoints():
    generator = generator_of(GeneratorConfig(8, 6, 6, (4, 5), mapping_layers=2, noise=True))
    shapes = {name: tuple(value.shape) for name, value in generator.state_dict().items()}

    assert shapes["mapping.fc1.weight"] == (6, 6)
    assert shapes["mapping.w_avg"] == (6,)
    assert shapes["synthesis.b4.const"] == (4, 4, 4)
    assert shapes["synthesis.b8.conv0.weight"] == (5, 4, 3, 3)
    assert shapes["synthesis.b8.conv0.affine.weight"] == (4, 6)
    assert shapes["synthesis.b8.conv1.noise_strength"] == ()
    assert shapes["synthesis.b8.conv1.noise_const"] == (8, 8)
    assert shapes["synthesis.b8.torgb.weight"] == (3, 5, 1, 1)
    assert "synthesis.b4.conv0.weight" not in shapes


def test_a_configuration_survives_json():
    assert GeneratorConfig.from_json(json.loads(json.dumps(CODE.to_json()))) == CODE


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 12},
        {"channels": [4]},
        {"mapping": "magic"},
        {"w_dim": 4},
        {"mapping_layers": 0},
        {"colour": "blue"},
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(change):
    with pytest.raises(GeneratorConfigError):
        GeneratorConfig.from_json(CODE.to_json() | change)
