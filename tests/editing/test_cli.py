"""The same edit from the command line, on files."""

import pytest
import torch
from click.testing import CliRunner

from editing import images, vectors
from editing.bundle import load_bundle, save_bundle
from editing.cli import main, read_code
from tests.factories.networks import tiny_bundle, tiny_codes


@pytest.fixture
def folder(tmp_path):
    bundle = tiny_bundle()
    code = tiny_codes(bundle.generator, 1, seed=5)
    save_bundle(bundle, tmp_path / "bundle", samples={"ada": code[0]})
    return tmp_path


def call(folder, *arguments: str):
    command, *rest = arguments
    options = ["--bundle", str(folder / "bundle")]
    return CliRunner().invoke(main, [command, *options, *rest])


def worked(folder, *arguments: str) -> str:
    result = call(folder, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_draw_paint_optimize_apply_and_refine_on_files(folder):
    code, picture = str(folder / "ada.safetensors"), str(folder / "ada.png")
    labels, painting = folder / "labels.png", folder / "painting.png"
    vector, edited = str(folder / "more.safetensors"), folder / "edited.png"

    worked(folder, "draw", "--sample", "ada", "--out", picture, "--save-code", code)
    worked(folder, "segment", code, "--out", str(labels))
    painted = images.read_labels(labels, num_parts=4, size=16)
    painted[:, 5:9, 5:9] = (painted[0, 6, 6] + 1) % 4
    painting.write_bytes(images.labels_to_png(painted, tiny_bundle().schema.palette()))
    said = worked(
        folder,
        *("optimize", code, str(painting), "--steps", "80", "--out", str(edited)),
        *("--save-vector", vector, "--save-code", str(folder / "edited.safetensors")),
    )
    worked(folder, "apply", code, "--vector", vector, "1", "--out", str(folder / "same.png"))
    worked(
        folder,
        *("refine", code, "--vector", vector, "1.5", "--steps", "2"),
        *("--out", str(folder / "refined.png")),
    )

    bundle = load_bundle(folder / "bundle")
    assert "agreement" in said
    assert vectors.load(folder / "more.safetensors").parts
    start, end = (read_code(bundle, folder / f"{n}.safetensors") for n in ("ada", "edited"))
    assert torch.equal(start[0], bundle.samples()["ada"])
    applied = images.read_image(folder / "same.png")
    assert (applied - images.read_image(edited)).abs().max() <= 2.1 / 255
    assert not torch.equal(start, end)
    assert (folder / "refined.png").is_file()


def test_invert_writes_a_code_and_its_reconstruction(folder):
    picture = folder / "bundle" / "samples" / "ada.png"
    out = folder / "found.safetensors"

    said = worked(folder, "invert", str(picture), "--steps", "5", "--out", str(out))

    assert "psnr_db" in said
    assert read_code(load_bundle(folder / "bundle"), out).shape == (1, 6, 12)
    assert images.read_image(out.with_suffix(".png")).shape == (1, 3, 16, 16)


def test_refusals_are_one_line_with_their_code(folder):
    wrong = folder / "wrong.png"
    wrong.write_bytes(images.to_png_bytes(torch.zeros(1, 3, 16, 16)))
    sample = str(folder / "bundle" / "samples" / "ada.png")

    result = call(folder, "optimize", sample, str(wrong), "--invert-steps", "0")

    assert result.exit_code == 1
    assert "[labels.invalid]" in result.output
    assert "Traceback" not in result.output


def test_strengths_and_vectors_that_mean_nothing_are_refused(folder):
    sample = str(folder / "bundle" / "samples" / "ada.png")

    unknown = call(folder, "apply", sample, "--vector", "nobody", "1")
    nan = call(folder, "apply", sample, "--vector", "nobody", "nan")
    missing = CliRunner().invoke(main, ["segment", "--bundle", str(folder / "no"), sample])

    assert unknown.exit_code == 2
    assert nan.exit_code == 2
    assert missing.exit_code == 1
    assert "[bundle.missing]" in missing.output
