"""`python -m editing import` says what it found and ends refusals with their code."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from editing import vectors
from editing.bundle import load_bundle, save_bundle
from editing.cli import main, read_code, register
from editing.importers.folder import load_generator
from tests.editing.importers import foreign
from tests.factories.networks import tiny_bundle, tiny_codes

register("editing.importers.cli", main)
SIZES = foreign.Sizes(base=256, most=8, w_dim=8, z_dim=8, mapping_layers=2)


def call(*arguments: object):
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


@pytest.fixture
def bundle_folder(tmp_path):
    bundle = tiny_bundle()
    save_bundle(bundle, tmp_path / "bundle", samples={"a": tiny_codes(bundle.generator, 1)[0]})
    return tmp_path / "bundle"


def test_a_generator_is_imported_and_described(tmp_path):
    file, out = tmp_path / "faces.pkl", tmp_path / "faces"
    state = foreign.official_state(SIZES)
    file.write_bytes(foreign.nvidia_pickle(foreign.nvidia_network(state), D=None))

    result = call(file, "--out", out, "--license", "CC-BY-NC-4.0")

    assert result.exit_code == 0, result.output
    assert "StyleGAN2 of 32 px, nvidia layout (pickle)" in result.output
    assert "z 8, w 8, 2 mapping layers, channels base 256, at most 8, noise" in result.output
    assert "not read   D, training_set_kwargs" in result.output
    assert "hash" in result.output
    assert f"written    {out}" in result.output
    assert load_generator(out).config.resolution == 32
    assert (out / "preview.png").exists()


def test_a_refusal_is_one_line_with_its_code(tmp_path):
    file = tmp_path / "model.pkl"
    file.write_bytes(b"\x80\x04cos\nsystem\n(X\x02\x00\x00\x00lstR.")

    result = call(file, "--out", tmp_path / "out")

    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: the file asks for 'os.system'")
    assert last.endswith("[import.forbidden]")
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_one_line_with_its_code(tmp_path):
    result = call(tmp_path / "none.pkl")

    assert result.output.strip().endswith("No such file or directory [import.unreadable]")


def test_arrays_are_either_codes_or_a_vector_and_the_owner_says_which(tmp_path, bundle_folder):
    bundle = load_bundle(bundle_folder)
    file = tmp_path / "some.npy"
    values = 0.1 * np.random.RandomState(0).randn(2, bundle.num_layers, bundle.w_dim)
    np.save(file, values)
    both = ("--bundle", bundle_folder)

    assert "[import.choice]" in call(file, *both).output
    many = call(file, "--as", "code", *both, "--out", tmp_path / "codes")
    one = call(file, "--as", "code", "--row", 1, *both, "--out", tmp_path / "one.st")
    asked = call(file, "--as", "vector", "--row", 0, *both)
    vector = call(
        *(file, "--as", "vector", "--difference", "0-1", "--sign", "-1", *both),
        *("--license", "MIT", "--out", tmp_path / "v.safetensors"),
    )

    assert many.exit_code == one.exit_code == vector.exit_code == 0, vector.output
    second = read_code(bundle, tmp_path / "codes" / "0001.st")
    assert torch.equal(second, read_code(bundle, tmp_path / "one.st"))
    assert "sign" in asked.output
    assert "[import.choice]" in asked.output
    expected = torch.from_numpy(values[0] - values[1]).float()
    found = vectors.load(tmp_path / "v.safetensors")
    torch.testing.assert_close(found.offset, expected, rtol=1e-6, atol=1e-7)
    assert "uncalibrated" in vector.output


def test_a_range_that_is_none_is_a_usage_error(tmp_path):
    result = call(tmp_path / "x.npy", "--as", "vector", "--layers", "three")

    assert result.exit_code == 2
    assert "such as 0-7" in result.output
