"""A team makes its own family: the platform's jobs, the real engine, a tiny generator."""

import fcntl
import io
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pillow

from editing.errors import EditingError
from editing.own_family import branch as own_branch
from editing.own_family import bring, publish, samples
from editing.own_family import project as projects
from gpu_worker import project_folder
from gpu_worker.bundles import Bundles
from gpu_worker.device import Device
from gpu_worker.lanes import Lanes
from gpu_worker.runners import own_family
from gpu_worker.settings import WorkerSettings
from tests.factories import families, own_families
from tests.factories.own_families import read, send
from tests.factories.rows import client
from webapp.accounts.models import Team, User
from webapp.jobs import worker
from webapp.jobs.models import Job
from webapp.library import services as library

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine as it is, only with fewer steps."""
    fit = own_branch.default_options

    def shorter(num_parts: int, *, warm: bool = False) -> Any:
        return replace(fit(num_parts, warm=warm), num_members=2, max_steps=12)

    whole, draw = publish.publish, samples.draw_samples
    monkeypatch.setattr(samples, "draw_samples", partial(draw, num=40))
    monkeypatch.setattr(own_branch, "default_options", shorter)
    monkeypatch.setattr(publish, "publish", partial(whole, invert_steps=2, num_measured=2))
    monkeypatch.setattr(own_family, "TRY_STEPS", 3)


@pytest.fixture
def team(db: None) -> tuple[User, Team]:
    return families.a_team()


def project_of(browser: Any, project: Any) -> Any:
    return read(browser, f"/family-projects/{project['id']}")


def state(project: Any, key: str) -> tuple[str, str]:
    step = next(step for step in project["steps"] if step["key"] == key)
    return step["state"], step["why"]


def test_a_family_goes_from_a_checkpoint_to_the_gallery_of_its_team(
    lanes: Lanes, team: tuple[User, Team]
) -> None:
    owner, owned = team
    stranger, _ = families.a_team("Elsewhere")
    browser, other = client(owner), client(stranger)
    project = send(browser, "/family-projects", {"title": "Foxes"})
    place = f"/family-projects/{project['id']}"

    # 1: a checkpoint, in chunks
    data = own_families.checkpoint()
    sent = own_families.upload(
        browser, project["id"], data, kind="checkpoint", file_name="foxes.pkl"
    )
    assert sent["is_whole"]
    send(browser, f"{place}/bring", {"upload_id": sent["id"], "license": "CC0-1.0"})
    assert lanes.work("workshop") == 1
    project = project_of(browser, project)
    assert state(project, "bring")[0] == "done", project["steps"][0]
    assert project["generator"]["resolution"] == own_families.SIZE
    assert browser.get(f"/api{place}/sheet").status_code == 200

    # 2 and 3: samples, parts
    send(browser, f"{place}/sample", {})
    lanes.work("workshop")
    drawn = read(browser, f"{place}/samples")
    proposed = [sample for sample in drawn if sample["is_proposed"]]
    assert (len(drawn), len(proposed)) == (40, 16)
    assert all(sample["reason"] for sample in proposed)
    project = own_families.set_parts(browser, project_of(browser, project))

    # 4 and 5: label maps, the branch, what it predicts
    for sample in proposed:
        saved = own_families.save_label_map(
            browser, sample, own_families.label_map(sample["number"])
        )
        assert saved.status_code == 200, saved.content
    send(browser, f"{place}/train-branch")
    lanes.work("workshop")
    project = project_of(browser, project)
    assert state(project, "branch")[0] == "done", state(project, "branch")
    assert project["branch"]["num_labels"] == 16
    worst = read(browser, f"{place}/samples?which=predicted")
    assert len(worst) == 24
    doubts = [sample["prediction"]["uncertainty"] for sample in worst]
    assert doubts == sorted(doubts, reverse=True)
    picture = Pillow.open(
        io.BytesIO(browser.get(worst[0]["prediction"]["label_map_url"]).content)
    )
    assert picture.size == (own_families.SIZE,) * 2
    assert set(np.unique(np.array(picture)).tolist()) <= {0, 1, 2}

    # 6: the encoder, and a picture of one's own
    send(browser, f"{place}/train-encoder", {"minutes": 0.05})
    lanes.work("workshop")
    project = project_of(browser, project)
    assert state(project, "encoder")[0] == "done", state(project, "encoder")
    assert len(project["encoder"]["reconstructions"]) == 6
    tried = _try(browser, place)
    lanes.work("batch")
    tried = read(browser, f"/family-tries/{tried['id']}")
    assert tried["state"] == "done", tried
    assert tried["psnr_db"] > 0
    assert tried["why"]

    # 7: published, and used like any other family
    send(browser, f"{place}/publish", {"name": "foxes", "title": "Our foxes"})
    lanes.work("workshop")
    project = project_of(browser, project)
    assert state(project, "publish") == ("done", "Version 1")
    (published,) = project["published"]
    assert published["name"].startswith("foxes-")
    own = next(each for each in read(browser, "/families") if each["project_id"])
    assert (own["title"], own["is_newest"]) == ("Our foxes", True)
    card = read(browser, f"/families/{published['name']}")
    assert card["license"] == "CC0-1.0"
    assert card["num_labels"] == 16
    assert card["sentences"]
    images = read(browser, "/images")["items"]
    assert {image["bundle"] for image in images} == {published["name"]}

    # a stranger learns nothing of it, and cannot use it
    unknown = other.get("/api/families/no-such-family")
    hidden = other.get(f"/api/families/{published['name']}")
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.json()["code"] == unknown.json()["code"]
    assert [each["project_id"] for each in read(other, "/families")].count(project["id"]) == 0
    assert _upload_picture(other, published["name"]).status_code == 404

    # a member uploads a picture and edits it
    added = _upload_picture(browser, published["name"])
    assert added.status_code == 201, added.content
    lanes.work("interactive")
    image = read(browser, f"/images/{added.json()['id']}")
    assert image["status"] == "ready"
    _edit(browser, image, read(browser, f"/images/{image['id']}/revisions")[0])
    lanes.work("interactive")
    revisions = read(browser, f"/images/{image['id']}/revisions")
    assert [revision["kind"] for revision in revisions] == ["optimize", "invert"]
    offset = np.zeros((8, 8), np.float32)
    offset[2, 3] = 1.0
    vector = library.save_edit_vector(
        actor=owner, team=owned, bundle=published["name"], offset=offset, parts=[1], margin=2,
        learned_from={}, title="Ears", description="", tags=[], now=datetime.now(UTC),
    )  # fmt: skip
    lanes.work("batch")
    found = read(browser, f"/edit-vectors?bundle={published['name']}")["items"]
    assert [each["id"] for each in found] == [str(vector.pk)]
    assert found[0]["version"]["card"] is not None
    assert read(other, f"/edit-vectors?bundle={published['name']}")["items"] == []


def _picture_at(browser: Any, url: str) -> "np.ndarray[Any, Any]":
    return np.array(Pillow.open(io.BytesIO(browser.get(url).content)))


def _picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Pillow.fromarray(np.full((40, 40, 3), (200, 120, 40), np.uint8)).save(out, "PNG")
    return SimpleUploadedFile("fox.png", out.getvalue(), content_type="image/png")


def _try(browser: Any, place: str) -> Any:
    answer = browser.post(f"/api{place}/tries", {"file": _picture()})
    assert answer.status_code == 202, answer.content
    return answer.json()


def _upload_picture(browser: Any, bundle: str) -> Any:
    return browser.post(
        "/api/images", {"file": _picture(), "name": "Our fox", "bundle": bundle}
    )


def _edit(browser: Any, image: Any, revision: Any) -> None:
    ids = _picture_at(browser, revision["label_map_url"])
    ids[4:9, 4:9] = 1 if (ids[4:9, 4:9] != 1).any() else 2
    painted = SimpleUploadedFile("map.png", own_families.png(ids), content_type="image/png")
    answer = browser.post(
        f"/api/images/{image['id']}/edits",
        {"label_map": painted, "base_revision_id": revision["id"], "steps": 3},
    )
    assert answer.status_code == 202, answer.content


# ---- stopping, resuming, and two at once -----------------------------------------------


@dataclass
class Made:
    """A project with samples, parts and label maps, ready for its branch."""

    owner: User
    team: Team
    browser: Any
    id: str

    @property
    def place(self) -> str:
        return f"/family-projects/{self.id}"


@pytest.fixture
def ready(lanes: Lanes, team: tuple[User, Team], monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setattr(samples, "draw_samples", partial(samples.draw_samples, num_proposed=2))
    owner, owned = team
    browser = client(owner)
    project = send(browser, "/family-projects", {"title": "Foxes"})
    made = Made(owner, owned, browser, project["id"])
    data = own_families.checkpoint()
    own_families.upload(browser, made.id, data, kind="checkpoint", file_name="foxes.pkl")
    for path in ("bring", "sample"):
        send(browser, f"{made.place}/{path}", {})
        lanes.work("workshop")
    own_families.set_parts(browser, read(browser, made.place))
    for sample in read(browser, f"{made.place}/samples?which=chosen"):
        data = own_families.label_map(sample["number"])
        own_families.save_label_map(browser, sample, data)
    return made


class Told:
    """What a worker told of its progress; does something once at a step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: str, action: Any) -> None:
        self.sentences: list[str] = []
        real = worker.advance

        def advance(job: Any, progress: Any, **times: Any) -> None:
            real(job, progress, **times)
            self.sentences.append(progress.sentence or "")
            if at in self.sentences[-1]:
                action()

        monkeypatch.setattr(worker, "advance", advance)


def test_a_cancel_stops_the_training_and_the_next_try_goes_on_from_there(
    lanes: Lanes, ready: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(ready.browser, f"{ready.place}/train-branch")
    with monkeypatch.context() as patch:
        told = Told(
            patch, "step 6 of 12", lambda: send(ready.browser, f"/jobs/{job['id']}/cancel")
        )
        lanes.work("workshop")
    assert Job.objects.get(pk=job["id"]).status == "canceled"
    assert not any("step 8" in sentence for sentence in told.sentences)

    send(ready.browser, f"{ready.place}/train-branch")
    with monkeypatch.context() as patch:
        again = Told(patch, "nothing", lambda: None)
        lanes.work("workshop")

    assert state(project_of(ready.browser, {"id": ready.id}), "branch")[0] == "done"
    assert not any("step 5 of" in sentence for sentence in again.sentences)


def test_a_worker_that_stops_puts_the_job_back_and_another_finishes_it(
    lanes: Lanes,
    ready: Made,
    settings_of_worker: WorkerSettings,
    device: Device,
    bundles: Bundles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = send(ready.browser, f"{ready.place}/train-branch")
    with monkeypatch.context() as patch:
        Told(patch, "step 6 of 12", lanes.stop)
        lanes.work("workshop")
    row = Job.objects.get(pk=job["id"])
    assert (row.status, row.num_attempts) == ("queued", 0)

    Lanes(settings=settings_of_worker, device=device, bundles=bundles).work("workshop")

    row.refresh_from_db()
    assert (row.status, row.num_attempts) == ("succeeded", 1)


def test_a_long_training_lets_somebody_else_go_first_and_goes_on_after_them(
    ready: Made,
    settings_of_worker: WorkerSettings,
    device: Device,
    bundles: Bundles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    impatient = settings_of_worker.model_copy(update={"SLICE_SECONDS": 0.0})
    lanes = Lanes(settings=impatient, device=device, bundles=bundles)
    neighbour, _ = families.a_team("Elsewhere")
    browser = client(neighbour)
    other = send(browser, "/family-projects", {"title": "Owls"})
    own_families.upload(
        browser, other["id"], b"no checkpoint", kind="checkpoint", file_name="owls.pkl"
    )
    mine = send(ready.browser, f"{ready.place}/train-branch")

    def bring_owls() -> None:
        if not Job.objects.filter(project_id=other["id"]).exists():
            send(browser, f"/family-projects/{other['id']}/bring", {})

    with monkeypatch.context() as patch:
        Told(patch, "step 3 of 12", bring_owls)
        lanes.work("workshop")

    first, second = Job.objects.get(project_id=other["id"]), Job.objects.get(pk=mine["id"])
    assert (first.status, second.status) == ("failed", "succeeded")
    assert first.finished_at is not None
    assert second.finished_at is not None
    assert first.finished_at < second.finished_at


def test_a_refusal_of_the_engine_reaches_people_word_for_word(
    lanes: Lanes, team: tuple[User, Team]
) -> None:
    browser = client(team[0])
    project = send(browser, "/family-projects", {"title": "Owls"})
    place = f"/family-projects/{project['id']}"
    own_families.upload(
        browser, project["id"], b"what is this", kind="checkpoint", file_name="owls.pkl"
    )
    send(browser, f"{place}/bring", {})

    lanes.work("workshop")

    found, why = state(project_of(browser, project), "bring")
    assert found == "failed"
    with pytest.raises(EditingError) as caught:
        _import_alone(b"what is this", "owls.pkl")
    assert why == str(caught.value)


def _import_alone(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        projects.create(Path(folder) / "project", name="owls", title="Owls")
        steps = bring.bring_checkpoint(Path(folder) / "project", file, clock=time.monotonic)
        list(steps)


def test_nobody_writes_in_a_folder_that_another_process_works_in(
    lanes: Lanes, ready: Made, settings_of_worker: WorkerSettings, monkeypatch: Any
) -> None:
    folder = settings_of_worker.WORKSHOP_DIR / ready.id.replace("-", "")
    job = send(ready.browser, f"{ready.place}/train-branch")
    with (folder / ".lock").open("a") as lock, monkeypatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setattr(project_folder, "WAIT_SECONDS", 0.01)
        told = Told(patch, "Waiting for another process", lanes.stop)
        lanes.work("workshop")
        assert told.sentences == ["Waiting for another process to leave the project."]

    assert not (folder / "branch").exists()
    assert Job.objects.get(pk=job["id"]).status == "queued"


def test_pictures_become_a_generator_with_what_was_left_out_listed(
    lanes: Lanes, team: tuple[User, Team], tmp_path: Path
) -> None:
    browser = client(team[0])
    project = send(browser, "/family-projects", {"title": "Blocks"})
    place = f"/family-projects/{project['id']}"
    data = own_families.pictures_zip(tmp_path, more={"broken.png": b"\x89PNG\r\n\x1a\nbroken"})
    own_families.upload(browser, project["id"], data, kind="pictures", file_name="blocks.zip")
    send(browser, f"{place}/bring", {"resolution": 16, "minutes": 0.05})

    lanes.work("workshop")

    project = project_of(browser, project)
    assert state(project, "bring")[0] == "done", state(project, "bring")
    generator = project["generator"]
    assert (generator["source"], generator["resolution"]) == ("pictures", 16)
    assert [each["name"] for each in generator["skipped"]] == ["broken.png"]
    assert "Only 24 pictures" in generator["warnings"][0]
