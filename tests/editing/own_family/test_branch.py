"""The branch of a family: trained, interrupted, corrected and trained again."""

import json
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from editing.own_family import branch, labels, project
from editing.own_family.schema import OwnSchema
from editing.segmentation.training import FitOptions
from tests.editing.own_family.conftest import SCHEMA, clock, finish, label, proposed

OPTIONS = FitOptions(num_members=3, hidden=(12, 8), batch=64, max_steps=24, check_every=8)


def train(folder, **more):
    return branch.train_branch(folder, clock=clock(), options=OPTIONS, **more)


def test_training_predicts_the_rest_the_most_doubtful_first(labelled_family):
    last = finish(train(labelled_family))

    figures = json.loads((labelled_family / "branch" / "figures.json").read_text())
    ranking = json.loads((labelled_family / "predictions" / "ranking.json").read_text())
    doubts = [entry["uncertainty"] for entry in ranking["ranked"]]
    samples = {entry["sample"] for entry in ranking["ranked"]}
    assert last.sheet.exists()
    assert figures["num_labelled"] == 4
    assert 0 < figures["left_out_miou"] <= 1
    assert doubts == sorted(doubts, reverse=True)
    assert samples == set(range(24)) - set(proposed(labelled_family))
    assert (labelled_family / "predictions" / f"{min(samples):03d}.doubt.png").exists()
    assert len(list(train(labelled_family))) == 1, "the same labels teach nothing new"


def test_an_interrupted_training_ends_as_if_it_had_not_been(labelled_family, tmp_path):
    other = shutil.copytree(labelled_family, tmp_path / "other")
    finish(train(labelled_family))

    steps = train(other, checkpoint_seconds=0.0)
    for _ in range(12):
        next(steps)
    steps.close()
    resumed = train(other)
    next(resumed)
    assert "step 12 of 24" in next(resumed).sentence
    finish(resumed)

    ours, theirs = (load_file(f / "branch" / branch.WEIGHTS) for f in (labelled_family, other))
    assert all((ours[key] == theirs[key]).all() for key in ours)
    assert not list(other.glob(".predictions-*"))


def test_fixing_a_sample_starts_warm_and_keeps_the_judges_apart(labelled_family):
    finish(train(labelled_family))
    before = json.loads((labelled_family / "branch" / "branch.json").read_text())["left_out"]
    extra = next(i for i in range(24) if i not in proposed(labelled_family))
    label(labelled_family, [extra])

    finish(train(labelled_family))

    figures = json.loads((labelled_family / "branch" / "figures.json").read_text())
    after = json.loads((labelled_family / "branch" / "branch.json").read_text())["left_out"]
    assert figures["warm"]
    assert figures["num_labelled"] == 5
    assert {key: after[key] for key in before} == before
    assert not (labelled_family / "predictions" / f"{extra:03d}.png").exists()


def test_a_new_part_keeps_what_the_others_have_learned(labelled_family):
    finish(train(labelled_family))
    place = project.open_project(labelled_family)
    state = load_file(place.branch / branch.WEIGHTS)
    knob = replace(SCHEMA.parts[1], id=9, name="knob", title="Knob", color="#123456")
    background, *others = SCHEMA.parts
    moved = OwnSchema(1, (background, knob, *others))
    project.set_schema(labelled_family, moved)

    earlier = (state, branch.load_branch(place), branch.branch_parts(place))
    carried = branch._carried_over(earlier, moved, OPTIONS)

    assert carried["last_weight"].shape[1] == 5
    assert (carried["last_weight"][:, 0] == state["last_weight"][:, 0]).all()
    assert (carried["last_weight"][:, 2:] == state["last_weight"][:, 1:]).all()


def test_what_nobody_has_labelled_teaches_nothing(labelled_family):
    ids = labels.read(labelled_family, proposed(labelled_family)[0]).numpy()
    ids[:, :8] = 255
    labels.save_labels(
        labelled_family, proposed(labelled_family)[0], labels.to_png(ids, SCHEMA)
    )

    assert finish(train(labelled_family)).fraction == 1


def test_training_without_all_labels_or_without_samples_is_refused(family, tmp_path):
    label(family, proposed(family)[:3])
    with pytest.raises(labels.TooFewLabelsError):
        finish(train(family))
    finish(train(family, allow_fewer=True))

    project.create(tmp_path / "empty", name="empty", title="Empty")
    with pytest.raises(project.StepMissingError, match="no samples yet"):
        finish(train(tmp_path / "empty"))
