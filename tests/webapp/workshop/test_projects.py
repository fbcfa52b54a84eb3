"""A family in the making: its steps, its file, and what becomes of jobs."""

import fcntl
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from tests.factories import own_families, rows
from tests.factories.own_families import add_chunk, send
from tests.webapp.workshop.conftest import (
    Workshop,
    branch_trained,
    brought,
    hand_in,
    sampled,
)
from webapp.accounts import services as accounts
from webapp.accounts.models import Role
from webapp.jobs import worker
from webapp.jobs.models import Job
from webapp.workshop import services, uploads
from webapp.workshop.models import FamilyProject, FamilyUpload

pytestmark = pytest.mark.django_db


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def post(workshop: Workshop, path: str, body: Any = None) -> Any:
    text = json.dumps(body if body is not None else {})
    return workshop.browser.post(
        f"/api{workshop.place}{path}", text, content_type="application/json"
    )


# ---- steps -------------------------------------------------------------------------------


def test_a_new_project_says_of_every_step_what_it_waits_for(empty: Workshop) -> None:
    states = {step["key"]: (step["state"], step["why"]) for step in empty.read()["steps"]}

    assert list(states) == [
        "bring",
        "sample",
        "schema",
        "label",
        "branch",
        "encoder",
        "publish",
    ]
    assert states["bring"][0] == states["schema"][0] == "ready"
    for key in ("sample", "label", "branch", "encoder", "publish"):
        assert states[key] == ("locked", "Bring a generator first.")


def test_each_step_opens_the_next(publishable: Workshop, publish: Any) -> None:
    assert publishable.step("label") == ("done", "3 of 3 pictures labelled")
    assert publishable.step("branch") == ("done", "Trained on 3 pictures")
    assert publishable.step("publish")[0] == "ready"

    publish(publishable)

    assert publishable.step("publish") == ("done", "Version 1")


def test_one_step_runs_at_a_time_and_the_refusal_says_which(labeled: Workshop) -> None:
    labeled.send("/train-branch")

    second = post(labeled, "/train-encoder")

    assert refusal(second) == (409, "workshop.busy")
    assert "training the branch" in second.json()["detail"]


def test_the_branch_waits_until_all_proposed_samples_are_labelled(
    with_samples: Workshop,
) -> None:
    for sample in with_samples.samples()[:2]:
        own_families.save_label_map(with_samples.browser, sample, own_families.label_map())

    answer = post(with_samples, "/train-branch")

    assert refusal(answer) == (409, "labels.too_few")
    assert "2 of 3 pictures are labelled; missing: 2" in answer.json()["detail"]
    assert with_samples.step("branch")[0] == "locked"


def test_any_other_sample_stands_in_for_one_that_nobody_wants_to_label(
    labeled: Workshop,
) -> None:
    first, fifth = labeled.samples()[0], labeled.samples()[5]
    labeled.browser.delete(
        f"/api/family-samples/{first['id']}/label-map?version={first['label_version']}"
    )
    assert labeled.step("branch")[0] == "locked"

    own_families.save_label_map(labeled.browser, fifth, own_families.label_map())

    assert labeled.step("branch")[0] == "ready"


def test_a_failed_step_says_what_to_change_and_can_be_asked_for_again(
    with_samples: Workshop, empty: Workshop
) -> None:
    project = send(empty.browser, "/family-projects", {"title": "Owls"})
    owls = Workshop(empty.who, empty.browser, project["id"])
    own_families.upload(
        owls.browser, owls.id, b"not one", kind="checkpoint", file_name="owls.bin"
    )
    owls.send("/bring", {})
    job = rows.claim("workshop", now=timezone.now())
    says = "owls.bin is no StyleGAN2 checkpoint: bring another file."
    worker.fail(job, "import.format", says, retryable=False, now=timezone.now())

    assert owls.step("bring") == ("failed", says)
    owls.send("/bring", {})
    assert owls.step("bring")[0] == "running"


def test_a_stopped_step_says_that_it_goes_on_from_where_it_was(labeled: Workshop) -> None:
    job = labeled.send("/train-branch")

    send(labeled.browser, f"/jobs/{job['id']}/cancel")

    state, why = labeled.step("branch")
    assert (state, "goes on from where it was" in why) == ("ready", True)


def test_progress_shows_sentence_time_left_and_sheet(labeled: Workshop) -> None:
    from webapp.jobs.contract import Progress

    labeled.send("/train-branch")
    job = rows.claim("workshop", now=timezone.now())
    told = Progress(
        step=250, num_steps=1000, sentence="Step 200 of 800", seconds_left=90.0, sheet=7
    )
    worker.advance(job, told, now=timezone.now(), lease_seconds=30)

    step = next(step for step in labeled.read()["steps"] if step["key"] == "branch")

    assert (step["state"], step["why"]) == ("running", "Step 200 of 800")
    assert step["job"]["progress"]["sheet"] == 7
    assert step["job"]["seconds_left"] == 90.0


def test_what_a_stale_worker_hands_in_changes_nothing(labeled: Workshop) -> None:
    labeled.send("/train-branch")
    stale = worker.claim("workshop", now=timezone.now(), lease_seconds=1)
    assert stale is not None
    later = timezone.now() + timedelta(seconds=5)
    assert worker.claim("workshop", now=later, lease_seconds=30) is not None

    assert worker.finish(stale, branch_trained([4]), now=later) is False

    assert labeled.read()["branch"] is None
    with pytest.raises(worker.LostLeaseError):
        worker.renew(stale, now=later, lease_seconds=30)


def test_labels_and_parts_that_change_make_the_branch_stale(publishable: Workshop) -> None:
    sample = publishable.samples()[1]
    own_families.save_label_map(publishable.browser, sample, own_families.label_map(4))

    assert publishable.step("branch")[0] == "stale"
    assert publishable.read()["branch"]["is_stale"] is True


def test_saving_the_same_label_map_again_leaves_the_branch_as_it_is(
    publishable: Workshop,
) -> None:
    sample = publishable.samples()[1]
    data = own_families.label_map(sample["number"])
    own_families.save_label_map(publishable.browser, sample, data)

    assert publishable.step("branch")[0] == "done"


def test_labels_made_while_the_branch_trains_make_it_stale_at_once(labeled: Workshop) -> None:
    labeled.send("/train-branch")
    own_families.save_label_map(
        labeled.browser, labeled.samples()[4], own_families.label_map(2)
    )
    hand_in(branch_trained([3, 5]))

    assert labeled.step("branch")[0] == "stale"


def test_predictions_come_with_the_most_uncertain_first(publishable: Workshop) -> None:
    shown = publishable.read("/samples?which=predicted")

    assert [sample["number"] for sample in shown] == [5, 3, 4]
    assert [sample["prediction"]["rank"] for sample in shown] == [1, 2, 3]
    assert shown[0]["prediction"]["remark"] == "Unsure about the ears."


def test_samples_that_are_labelled_are_not_drawn_anew(labeled: Workshop) -> None:
    assert refusal(post(labeled, "/sample")) == (409, "family.has_samples")
    assert refusal(post(labeled, "/bring")) == (409, "family.has_samples")


def test_a_removed_project_is_out_of_sight_and_its_work_is_stopped(labeled: Workshop) -> None:
    job = labeled.send("/train-branch")

    assert labeled.browser.delete(f"/api{labeled.place}").status_code == 204

    assert labeled.browser.get(f"/api{labeled.place}").status_code == 404
    assert Job.objects.get(pk=job["id"]).status == "canceled"
    sample = f"/api{labeled.place}/samples"
    assert labeled.browser.get(sample).status_code == 404


def test_the_folder_of_a_removed_project_is_cleared_away_once_nobody_works_in_it(
    labeled: Workshop,
) -> None:
    other = send(labeled.browser, "/family-projects", {"title": "Kept"})
    kept, folder = (uploads.folder_of(UUID(each)) for each in (other["id"], labeled.id))
    for each in (kept, folder):
        (each / "branch").mkdir(parents=True, exist_ok=True)
    labeled.send("/train-branch")
    job = rows.claim("workshop", now=timezone.now())
    labeled.browser.delete(f"/api{labeled.place}")

    assert services.clear_removed() == 0, "a worker is still stopping"
    worker.confirm_cancel(job, now=timezone.now())
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert services.clear_removed() == 0, "a worker that lost its job is still in it"
    assert services.clear_removed() == 1
    assert services.clear_removed() == 0

    assert kept.is_dir()
    assert not folder.exists()


def test_a_result_for_a_project_removed_meanwhile_ends_as_failed(labeled: Workshop) -> None:
    made = labeled.send("/train-branch")
    job = rows.claim("workshop", now=timezone.now())
    FamilyProject.objects.filter(pk=labeled.id).update(deleted_at=timezone.now())

    worker.finish(job, branch_trained([3]), now=timezone.now())

    assert Job.objects.get(pk=made["id"]).error_code == "workshop.unknown"


@pytest.mark.parametrize("num_projects", [1, 4])
def test_lists_take_as_many_queries_however_long_they_are(
    labeled: Workshop, num_projects: int, django_assert_num_queries: Any
) -> None:
    for number in range(num_projects - 1):
        send(labeled.browser, "/family-projects", {"title": f"Family {number}"})

    with django_assert_num_queries(6):  # the session and person, then four
        shown = own_families.read(labeled.browser, "/family-projects")
    with django_assert_num_queries(4):
        labeled.read("/samples")

    assert len(shown) == num_projects


# ---- a file in chunks ----------------------------------------------------------------------


def test_a_file_arrives_in_chunks_byte_for_byte(empty: Workshop) -> None:
    data = bytes(range(256)) * 40

    sent = own_families.upload(
        empty.browser, empty.id, data, kind="checkpoint", file_name="../../a b.pkl"
    )

    assert (sent["received"], sent["is_whole"]) == (len(data), True)
    path = uploads.path_of(FamilyUpload.objects.get(pk=sent["id"]))
    assert path.read_bytes() == data
    assert path.name == "a b.pkl"
    assert path.is_relative_to(uploads.folder_of(FamilyProject.objects.get().pk))


def test_a_chunk_sent_twice_is_fine_and_a_gap_is_refused(empty: Workshop) -> None:
    wish = {"file_name": "a.pkl", "size": 30, "kind": "checkpoint"}
    upload = empty.send("/uploads", wish)
    add_chunk(empty.browser, upload["id"], offset=0, chunk=b"a" * 10)

    again = add_chunk(empty.browser, upload["id"], offset=0, chunk=b"a" * 10)
    gap = add_chunk(empty.browser, upload["id"], offset=20, chunk=b"c" * 10)

    assert again.json()["received"] == 10
    assert refusal(gap) == (409, "workshop.offset")
    assert "10 bytes have arrived" in gap.json()["detail"]


def test_asking_for_the_same_file_again_says_from_where_to_go_on(empty: Workshop) -> None:
    wish = {"file_name": "a.pkl", "size": 30, "kind": "checkpoint"}
    upload = empty.send("/uploads", wish)
    add_chunk(empty.browser, upload["id"], offset=0, chunk=b"a" * 10)

    again = empty.send("/uploads", wish)
    other = empty.send("/uploads", {**wish, "size": 31})

    assert (again["id"], again["received"]) == (upload["id"], 10)
    assert (other["received"], FamilyUpload.objects.count()) == (0, 1)


@pytest.mark.parametrize(("offset", "length"), [(0, 31), (25, 10), (0, 0)])
def test_a_chunk_that_does_not_fit_is_refused(
    empty: Workshop, offset: int, length: int
) -> None:
    wish = {"file_name": "a.pkl", "size": 30, "kind": "checkpoint"}
    upload = empty.send("/uploads", wish)
    add_chunk(empty.browser, upload["id"], offset=0, chunk=b"a" * 25)

    answer = add_chunk(empty.browser, upload["id"], offset=offset, chunk=b"b" * length)

    assert answer.status_code == 422
    assert empty.browser.get(f"/api/family-uploads/{upload['id']}").json()["received"] == 25


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    empty: Workshop, settings: Any
) -> None:
    settings.WORKSHOP_UPLOAD_BYTES = 1024 * 1024

    answer = post(
        empty, "/uploads", {"file_name": "a.pkl", "size": 2**31, "kind": "checkpoint"}
    )

    assert refusal(answer) == (413, "workshop.too_large")
    assert "2,048 MiB. The most is 1 MiB" in answer.json()["detail"]


def test_half_a_file_is_brought_nowhere(empty: Workshop) -> None:
    assert refusal(post(empty, "/bring")) == (409, "workshop.no_upload")
    upload = empty.send("/uploads", {"file_name": "a.pkl", "size": 30, "kind": "checkpoint"})
    add_chunk(empty.browser, upload["id"], offset=0, chunk=b"a" * 10)

    answer = post(empty, "/bring", {"upload_id": upload["id"]})

    assert refusal(answer) == (409, "workshop.no_upload")
    assert "10 of 30 bytes" in answer.json()["detail"]


def test_the_bytes_go_once_the_generator_is_there(
    empty: Workshop, django_capture_on_commit_callbacks: Any
) -> None:
    sent = own_families.upload(
        empty.browser, empty.id, b"checkpoint", kind="checkpoint", file_name="a.pkl"
    )
    path = uploads.path_of(FamilyUpload.objects.get(pk=sent["id"]))
    empty.send("/bring", {})
    assert path.exists()

    with django_capture_on_commit_callbacks(execute=True):
        hand_in(brought())

    assert not path.exists()
    assert empty.read()["generator"]["file_name"] == "a.pkl"
    assert empty.read()["generator"]["warnings"] == ["Look at it."]


# ---- who may -----------------------------------------------------------------------------


def test_viewers_look_and_change_nothing(labeled: Workshop) -> None:
    viewer = labeled.who.stranger
    accounts.add_member(team=labeled.who.team, user=viewer, role=Role.VIEWER)
    browser = rows.client(viewer)

    shown = own_families.read(browser, labeled.place)
    answer = browser.post(f"/api{labeled.place}/train-branch")

    assert (shown["may_edit"], shown["may_remove"]) == (False, False)
    assert refusal(answer) == (403, "accounts.read_only")


def test_strangers_find_nothing_whatever_they_ask_for(labeled: Workshop) -> None:
    browser = rows.client(labeled.who.stranger)
    sample = labeled.samples()[0]["id"]

    for path in (labeled.place, f"{labeled.place}/samples", f"{labeled.place}/sheet",
                 f"{labeled.place}/labels", f"/family-samples/{sample}"):  # fmt: skip
        assert browser.get(f"/api{path}").status_code == 404, path
    assert own_families.read(browser, "/family-projects") == []


def test_a_team_makes_as_many_families_as_its_quota_says(
    empty: Workshop, settings: Any
) -> None:
    settings.QUOTA_FAMILIES = 1

    answer = empty.browser.post(
        "/api/family-projects", '{"title": "Owls"}', content_type="application/json"
    )

    assert refusal(answer) == (403, "accounts.quota")


def test_drawing_again_before_anything_is_labelled_replaces_the_samples(
    with_samples: Workshop,
) -> None:
    before = {sample["id"] for sample in with_samples.samples()}
    with_samples.send("/sample", {"seed": 9})
    hand_in(sampled(num=4))

    after = with_samples.samples()
    assert len(after) == 4
    assert not before & {sample["id"] for sample in after}
