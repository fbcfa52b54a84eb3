"""What a new installation starts with."""

import io
import json

import numpy as np
import pytest
import safetensors.numpy
from django.core.management import call_command
from PIL import Image as Pictures

from tests.factories import rows
from webapp.accounts.models import Membership, Team, User
from webapp.common import artifacts
from webapp.common.models import Artifact
from webapp.config import demo
from webapp.images.models import Image, Revision
from webapp.jobs import worker
from webapp.jobs.models import Job
from webapp.library import search, vector_file
from webapp.library.models import EditVector, EffectEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def samples(bundle):
    """The tiny family with two samples and one vector, as the trainer writes them."""
    folder = bundle / "tiny-16"
    write_samples(folder, seed=1)
    write_vector(folder, seed=1)
    return folder


def write_samples(folder, *, seed):
    rng = np.random.default_rng(seed)
    (folder / "samples").mkdir(exist_ok=True)
    tensors = {}
    for name in ("rosa-blue", "ben"):
        tensors[name] = rng.standard_normal((rows.LAYERS, rows.W_DIM)).astype(np.float32)
        png = rows.picture_bytes(size=(rows.SIZE, rows.SIZE))
        (folder / "samples" / f"{name}.png").write_bytes(png)
        labels = rows.labels_png(rows.labels(), mode="P")
        (folder / "samples" / f"{name}.labels.png").write_bytes(labels)
    safetensors.numpy.save_file(tensors, folder / "samples.safetensors")
    titles = json.dumps({"rosa-blue": "Rosa, blue backdrop"})
    (folder / "samples" / "titles.json").write_text(titles)


def write_vector(folder, *, seed, **card):
    rng = np.random.default_rng(seed)
    offset = rng.standard_normal((rows.LAYERS, rows.W_DIM)).astype(np.float32)
    data = vector_file.write(
        data=offset.tobytes(), shape=offset.shape, parts=(1, 2),
        card={"title": "Longer hair", "model": {"fingerprint": "f" * 64}, **card},
    )  # fmt: skip
    (folder / "vectors").mkdir(exist_ok=True)
    (folder / "vectors" / "longer_hair.safetensors").write_bytes(data)
    return offset


def counts():
    models = (User, Team, Membership, Image, Revision, EditVector, Job, Artifact)
    return {model.__name__: model.objects.count() for model in models}


def test_a_team_with_pictures_and_vectors_is_there_after_the_first_run(samples):
    call_command("seed_demo", verbosity=0)

    mara = User.objects.get(email="mara@example.com")
    assert mara.check_password("atelier")
    assert mara.name == "Mara Kessler"
    assert {m.user.email: m.role for m in Membership.objects.all()} == {
        "mara@example.com": "owner", "jonas@example.com": "editor",
    }  # fmt: skip
    shown = rows.client(mara).get("/api/images").json()["items"]
    assert [(image["name"], image["status"]) for image in shown] == [
        ("Ben", "ready"), ("Rosa, blue backdrop", "ready"),
    ]  # fmt: skip
    assert rows.client(mara).get(shown[0]["thumbnail_url"]).status_code == 200
    (found,) = search.find(mara, query="longer").items
    assert (found.author.name, found.version.parts) == ("Atelier", ["skin", "hair"])
    assert found.tags == ["face"]


def test_nobody_can_sign_in_as_the_author(samples):
    call_command("seed_demo", verbosity=0)

    assert not User.objects.get(email="atelier@example.com").has_usable_password()


def test_the_second_run_changes_nothing(samples, capsys):
    call_command("seed_demo")
    before, first = counts(), capsys.readouterr().out

    call_command("seed_demo")

    assert counts() == before
    assert "Added the edit vector Longer hair." in first
    assert capsys.readouterr().out == "The demo data is in place already.\n"


def test_what_people_changed_stays(samples):
    call_command("seed_demo", verbosity=0)
    User.objects.filter(email="mara@example.com").update(name="Mara K.")
    Image.objects.filter(name="Ben").update(name="Benedict")

    call_command("seed_demo", verbosity=0)

    assert User.objects.get(email="mara@example.com").name == "Mara K."
    assert sorted(Image.objects.values_list("name", flat=True)) == [
        "Benedict",
        "Rosa, blue backdrop",
    ]


def test_the_measuring_job_of_a_seeded_vector_may_run(samples):
    call_command("seed_demo", verbosity=0)

    claimed = rows.claim("batch")

    assert claimed.request.kind == "measure"
    record = worker.read_offset(claimed.request.edit_vector_version_id)
    assert record.parts == (1, 2)


@pytest.mark.parametrize(
    ("more", "num_jobs"),
    [
        ({"signature": {"layout": "effect/1", "values": [1.0] + [0.0] * 567}}, 0),
        ({}, 1),  # shown at once, and measured so that it is found by its effect
    ],
)
def test_a_vector_that_comes_measured_shows_its_card_at_once(samples, more, num_jobs):
    figures = {
        "strengths": [-1.0, 0.0, 1.0], "num_probes": 3, "locality": 0.5, "outside_change": 0.01,
        "identity": 0.9, "success": 1.0, "effects": {"hair": [0.1, 0.0, 0.0]},
        "valid_range": [-1.0, 1.0], "norm": 2.0,
    }  # fmt: skip
    write_vector(samples, seed=1, calibration=figures, **more)
    sheet = Pictures.new("RGB", (3 * rows.SIZE, 3 * rows.SIZE), "teal")
    changed = (2 * rows.SIZE + 2, 0, 2 * rows.SIZE + 5, 3)  # on the first face, at strength 1
    sheet.paste("white", changed)
    sheet.save(samples / "vectors" / "longer_hair.strips.webp")

    call_command("seed_demo", verbosity=0)

    card = EditVector.objects.get().current_version.card
    assert [len(strip["pictures"]) for strip in card["strips"]] == [3, 3, 3]
    with Pictures.open(io.BytesIO(artifacts.read(card["heat"]))) as heat:
        brightness = np.asarray(heat.convert("L"))
    assert brightness[1, 3] > 150 > 50 > brightness[8, 8]
    assert card["effect_by_part"] == {"hair": 0.1}
    assert Job.objects.filter(kind="measure").count() == num_jobs
    assert EffectEntry.objects.count() == 1 - num_jobs


def test_without_bundles_it_says_so_and_people_are_there(bundle, settings, tmp_path, capsys):
    settings.BUNDLES_DIR = tmp_path / "nothing"

    call_command("seed_demo")

    assert "No bundle yet" in capsys.readouterr().out
    assert Membership.objects.count() == 2


def test_without_samples_it_says_so(bundle, capsys):
    call_command("seed_demo")

    assert "tiny-16 has no sample pictures yet." in capsys.readouterr().out


def test_a_bundle_trained_anew_renews_samples_and_vectors(samples):
    call_command("seed_demo", verbosity=0)
    write_samples(samples, seed=2)
    write_vector(samples, seed=2)

    report = demo.seed(now=rows.NOW)

    assert Image.objects.count() == 2
    assert Revision.objects.count() == 4
    assert EditVector.objects.live().count() == 1
    assert len([line for line in report if line.startswith("Renewed")]) == 3
    assert demo.seed(now=rows.NOW) == []


def test_damaged_files_are_left_out_and_named(samples):
    (samples / "samples" / "ben.png").write_bytes(b"not a picture")
    (samples / "vectors" / "longer_hair.safetensors").write_bytes(b"\0" * 40)

    report = demo.seed(now=rows.NOW)

    assert "Sample ben has no picture; left out." in report
    assert [line for line in report if line.startswith("Edit vector longer_hair was left out")]
    assert Image.objects.count() == 1


def test_a_vector_of_another_model_is_left_out(samples):
    write_vector(samples, seed=1, model={"fingerprint": "0" * 64})

    report = demo.seed(now=rows.NOW)

    assert "Edit vector longer_hair was made for another model; left out." in report
    assert not EditVector.objects.exists()
