"""Which samples are proposed, and what is said about them."""

import pytest
import torch

from editing import images
from editing.importers.folder import load_generator, save_generator
from editing.own_family import bring, project, samples, traits
from tests.editing.own_family.conftest import clock, finish, label, proposed
from tests.factories.networks import tiny_generator


def test_samples_are_those_of_their_seeds_and_drawing_again_changes_nothing(family):
    generator = load_generator(family / "generator")
    w_plus, rendering = generator.sample(5)

    codes = samples.read_codes(project.open_project(family))
    stamp = (family / "samples" / "proposal.json").stat().st_mtime_ns
    again = list(samples.draw_samples(family, clock=clock(), num=24, num_proposed=4))

    assert torch.allclose(codes[5:6], w_plus)
    picture = images.read_image(family / "samples" / "005.png")
    assert (picture - rendering.image.clamp(-1, 1)).abs().max() < 0.02
    assert len(again) == 1
    assert (family / "samples" / "proposal.json").stat().st_mtime_ns == stamp


def test_the_proposal_starts_with_the_typical_and_says_why(family):
    found = samples.read_samples(family)

    assert [each.rank for each in found.proposed] == [1, 2, 3, 4]
    assert "most typical" in found.proposed[0].reason
    assert all("Most like sample" in each.reason for each in found.proposed[1:])
    assert sum(each.stands_for for each in found.proposed) == 24
    assert not found.odd & set(proposed(family))
    assert all(i not in near for i, near in enumerate(found.nearest))


def test_the_farthest_from_all_chosen_before_comes_next():
    places = torch.tensor([*range(20), 90.0])
    distance = (places[:, None] - places[None]).abs()

    assert samples.farthest(distance, 4, frozenset({20})) == [10, 0, 19, 5]
    assert samples.farthest(distance, 21, frozenset({20}))[1] == 20, "all are wanted"


def test_what_is_unlike_all_others_is_odd_and_what_has_company_is_not():
    angle = torch.arange(20) * (2 * torch.pi / 20)
    ring = torch.stack([angle.cos(), angle.sin()], dim=1)
    places = torch.cat([ring, torch.tensor([[9.0, 9.0]])])

    assert samples.odd_ones(torch.cdist(places, places)) == {20}
    assert samples.odd_ones(torch.cdist(ring, ring)) == frozenset()


def test_traits_name_what_no_earlier_picture_has():
    grey = torch.zeros(4, 3, 12, 12)
    grey[1] += 0.2
    grey[2, 0] += 0.9
    grey[3] -= 0.9

    described = traits.describe(grey)

    assert "the most red" in traits.apart(described, 2, [0, 1])
    assert "the darkest" in traits.apart(described, 3, [0, 1, 2])
    assert traits.apart(described, 0, []) == []
    other = grey[0].clone()
    other[:, 9:, 9:] = 1
    assert traits.place(grey[0], other) == "at the bottom right"


def test_other_samples_do_not_take_the_place_of_labelled_ones(family):
    label(family, proposed(family)[:1])

    with pytest.raises(samples.LabelledSamplesError):
        finish(samples.draw_samples(family, clock=clock(), num=30, num_proposed=4))
    with pytest.raises(samples.SampleOptionsError):
        finish(samples.draw_samples(family, clock=clock(), num=4, num_proposed=16))


def test_another_generator_sets_samples_and_labels_aside_only_on_purpose(family, tmp_path):
    label(family, proposed(family)[:1])
    save_generator(tiny_generator(7), tmp_path / "other", title="Other", license="")

    with pytest.raises(bring.HasSamplesError):
        bring.bring_generator(family, tmp_path / "other")
    bring.bring_generator(family, tmp_path / "other", replace=True)

    assert not (family / "labels").exists()
    (kept,) = (family / "former").glob("generator-*")
    assert len(list((kept / "labels").glob("*.png"))) == 1


def test_a_foreign_checkpoint_is_brought_with_progress_and_others_are_refused(tmp_path):
    from tests.editing.importers.foreign import official_state, rosinality_training_file

    file = tmp_path / "mine.pt"
    file.write_bytes(rosinality_training_file(official_state()))
    project.create(tmp_path / "home", name="foreign", title="Foreign")

    last = finish(bring.bring_checkpoint(tmp_path / "home", file, clock=clock(), license="MIT"))

    assert last.sheet.exists()
    assert project.open_project(tmp_path / "home").manifest().license == "MIT"
    file.write_bytes(b"something else")
    project.create(tmp_path / "second", name="second", title="Second")
    with pytest.raises(Exception, match="expected") as refused:
        finish(bring.bring_checkpoint(tmp_path / "second", file, clock=clock()))
    assert refused.value.code.startswith("import.")
    assert [path.name for path in (tmp_path / "second").iterdir()] == ["family.json"]
