"""From labelled samples to a bundle that the rest of the product can use."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from editing import optimize, vectors
from editing.bundle import load_bundle, read_manifest
from editing.own_family import encoder, project, publish
from editing.own_family.cli import family as command
from editing.own_family.schema import OwnSchema
from editing.region import edit_region
from tests.editing.own_family.conftest import SCHEMA, clock, finish, label, proposed
from tests.editing.own_family.test_branch import train


@pytest.fixture(scope="module")
def finished(drawn_family, tmp_path_factory):
    """Return a family with branch and encoder, published once."""
    folder = shutil.copytree(drawn_family, tmp_path_factory.mktemp("finished") / "family")
    label(folder, proposed(folder))
    finish(train(folder))
    finish(encoder.train_encoder(folder, clock=clock(), steps=12))
    finish(publish.publish(folder, clock=clock(), invert_steps=4, num_measured=3))
    return folder


def test_a_published_family_can_be_edited_though_it_has_no_regressor(finished):
    bundle = load_bundle(finished / "bundle")
    w_plus = next(iter(bundle.samples().values()))[None]
    before = bundle.segment(w_plus)
    painted = before.clone()
    painted[:, 4:12, 4:12] = 1
    region = edit_region(before, painted, background=bundle.background)

    options = optimize.OptimizeOptions(steps=3)
    run = optimize.run(bundle, w_plus, painted, region=region, options=options)
    best = optimize.best(run)
    vector = vectors.make(bundle, w_plus, best.w_plus, parts=region.parts, title="Body")
    card = vectors.measure(bundle, vector)

    assert bundle.regressor is None
    assert card.identity is None
    assert card.num_probes == 16


def test_the_card_says_what_was_measured_and_on_what(finished):
    card = json.loads((finished / "bundle" / "card.json").read_text())
    manifest = read_manifest(finished / "bundle")
    titles = json.loads((finished / "bundle" / "samples" / "titles.json").read_text())

    assert card["version"] == manifest.version == 1
    assert card["license"] == "CC0-1.0"
    assert card["num_labelled"] == 4
    assert {"encoder_psnr_db", "inversion_psnr_db", "segmentation_left_out_miou"} <= set(
        manifest.figures
    )
    assert 0 < manifest.usual_error[0] <= manifest.usual_error[2]
    assert manifest.usual_error[2] >= publish.ORDINARY_ERROR, "samples flatter"
    assert set(titles) == set(manifest.samples)
    assert len(titles) == 12
    assert "Tiny blocks" in (finished / "bundle" / "README.md").read_text()


def test_publishing_again_raises_the_version_and_may_take_another_name(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "again")

    finish(
        publish.publish(
            folder, clock=clock(), name="tiny-blocks-v2", invert_steps=2, num_measured=2
        )
    )

    manifest = read_manifest(folder / "bundle")
    assert (manifest.name, manifest.version) == ("tiny-blocks-v2", 2)
    project.set_schema(folder, OwnSchema(1, SCHEMA.parts[::-1]))
    with pytest.raises(publish.BranchStaleError, match="train it again"):
        finish(publish.publish(folder, clock=clock()))
    with pytest.raises(project.FamilyNameError):
        finish(publish.publish(folder, clock=clock(), name="Not A Name"))


def test_an_interrupted_encoder_ends_as_if_it_had_not_been(family, tmp_path):
    other = shutil.copytree(family, tmp_path / "other")
    finish(encoder.train_encoder(family, clock=clock(), steps=8))

    torch.manual_seed(5)  # nothing may depend on the state of others
    steps = encoder.train_encoder(other, clock=clock(), steps=8)
    for _ in range(3):
        next(steps)
    steps.close()
    finish(encoder.train_encoder(other, clock=clock(), steps=8))

    ours, theirs = (load_file(f / "encoder" / encoder.WEIGHTS) for f in (family, other))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_uploads_come_back_with_figures_and_what_to_expect(finished):
    source = finished / "samples" / "002.png"

    finish(encoder.reconstruct(finished, [source], clock=clock(), steps=5))

    (entry,) = json.loads((finished / "encoder" / "uploads" / "uploads.json").read_text())[
        "uploads"
    ]
    assert entry["psnr_db"] >= entry["psnr_encoder_db"]
    assert entry["sentence"].startswith("Comes back")
    assert (finished / "encoder" / "uploads" / entry["picture"]).exists()


def test_the_command_line_shows_the_steps_and_refuses_in_one_line(finished, tmp_path):
    runner = CliRunner()
    home = str(tmp_path / "new")

    def family(*words):
        return runner.invoke(command, list(words))

    shown = family("status", "--project", str(finished))
    started = family("new", "--project", home, "--name", "cats", "--template", "animal")
    refused = family("sample", "--project", home)
    parts = family("schema", "--project", home)

    assert shown.output.count("done") == 7
    assert started.exit_code == 0
    assert refused.exit_code == 1
    assert "bring one first" in refused.output
    assert "[family.step_missing]" in refused.output
    assert "whiskers" in parts.output
    again = family("new", "--project", home, "--name", "cats")
    assert "[family.exists]" in again.output
    wrong = family("new", "--project", str(tmp_path / "x"), "--name", "My Cats")
    assert "[family.name]" in wrong.output
