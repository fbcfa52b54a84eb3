"""Search by painting over HTTP: asking, reading the answer, and who may."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import rows
from tests.webapp.library.test_edit_vectors import measured, save
from webapp.accounts import services as accounts
from webapp.accounts.models import Role
from webapp.common import artifacts
from webapp.images import sharing
from webapp.images.models import Access
from webapp.jobs import worker
from webapp.jobs.contract import Match, Matched
from webapp.library import publications, search


def ask(who, image, *, actor=None, hair_rows=9):
    painting = SimpleUploadedFile(
        "painting.png", rows.labels_png(rows.labels(hair_rows=hair_rows))
    )
    return rows.client(actor or who.owner).post(
        f"/api/images/{image.pk}/painting-searches",
        {"label_map": painting, "base_revision_id": str(image.head_id)},
    )


def answered(who, image, *vectors, actor=None):
    """Ask, and answer as a worker that found these."""
    asked = ask(who, image, actor=actor).json()
    job = next(iter(claimed("match")))
    picture = artifacts.put(b"webp", content_type="image/webp")
    matches = tuple(
        Match(
            edit_vector_version_id=vector.current_version_id,
            strength=-0.4,
            match=0.8,
            picture=picture,
        )
        for vector in vectors
    )
    result = Matched(matches=matches, num_candidates=5, seconds=0.4)
    worker.finish(job, result, now=rows.later(1))
    return asked["job_id"]


def claimed(kind):
    while (job := worker.claim("interactive", now=rows.NOW, lease_seconds=30)) is not None:
        if job.request.kind == kind:
            yield job


def test_a_painting_is_answered_with_vectors_strengths_and_pictures(who):
    image, vector = rows.sample(who), save(who, card=measured())

    job_id = answered(who, image, vector)

    answer = rows.client(who.owner).get(f"/api/painting-searches/{job_id}").json()
    (match,) = answer["matches"]
    assert answer["is_done"] is True
    assert (match["vector"]["title"], match["strength"], match["match"]) == ("Smile", -0.4, 0.8)
    assert rows.client(who.owner).get(match["picture_url"]).content == b"webp"


def test_only_who_asked_reads_the_answer_and_nobody_else_hears_of_the_question(who):
    image = rows.sample(who)
    job_id = answered(who, image, save(who, card=measured()))

    assert rows.client(who.teammate).get(f"/api/painting-searches/{job_id}").status_code == 404
    assert rows.client(who.stranger).get(f"/api/painting-searches/{job_id}").status_code == 404
    kinds = {job["kind"] for job in rows.client(who.teammate).get("/api/jobs").json()}
    assert "match" not in kinds


@pytest.mark.parametrize("asker", ["viewer", "guest"])
def test_who_may_only_look_asks_and_is_answered_while_they_may(who, asker):
    image, vector = rows.sample(who), save(who, card=measured())
    user = who.stranger
    if asker == "viewer":
        accounts.add_member(team=who.team, user=user, role=Role.VIEWER)
    else:
        link = sharing.share(
            actor=who.owner, image_id=image.pk, access=Access.VIEW, days=None, now=rows.NOW
        )
        sharing.open_link(actor=user, secret=sharing.secret_of(link))

    job_id = answered(who, image, vector, actor=user)
    path = f"/api/painting-searches/{job_id}"
    shown = rows.client(user).get(path).json()
    if asker == "viewer":
        accounts.remove_member(
            actor=who.owner, team_id=who.team.pk, user_id=user.pk, now=rows.NOW
        )
    else:
        sharing.unshare(actor=who.owner, share_id=link.pk, now=rows.NOW)

    assert (shown["is_done"], shown["refusal"]) == (True, None)
    assert rows.client(user).get(path).status_code == 404


def test_a_vector_that_was_withdrawn_meanwhile_is_left_out(who):
    image = rows.sample(who)
    theirs = save(who, card=measured(), actor=who.stranger, team=who.other_team, title="Theirs")
    publications.publish(actor=who.stranger, edit_vector_id=theirs.pk, now=rows.NOW)
    job_id = answered(who, image, theirs)
    publications.withdraw(actor=who.stranger, edit_vector_id=theirs.pk, now=rows.NOW)

    answer = rows.client(who.owner).get(f"/api/painting-searches/{job_id}").json()

    assert answer["matches"] == []


@pytest.mark.parametrize(("hair_rows", "status"), [(4, 422), (9, 202)])
def test_an_unpainted_picture_has_nothing_to_look_for(who, hair_rows, status):
    assert ask(who, rows.sample(who), hair_rows=hair_rows).status_code == status


def test_a_stranger_cannot_ask_about_a_picture(who):
    assert ask(who, rows.sample(who), actor=who.stranger).status_code == 404


# ---- candidates by effect --------------------------------------------------------------------


def effect(*numbers: float) -> tuple[float, ...]:
    return (*numbers, *[0.0] * (568 - len(numbers)))


def with_effect(who, title, *numbers, **more):
    card = measured().model_copy(update={"signature": effect(*numbers)})
    return save(who, title=title, card=card, **more)


def test_likeness_is_by_effect_and_the_reverse_is_offered_at_a_negative_strength(who):
    smile = with_effect(who, "Smile", 1.0, 0.1)
    frown = with_effect(who, "Frown", -1.0, 0.0)
    with_effect(who, "Hat", 0.0, 0.0, 1.0)

    found = search.candidates(
        owner_id=who.owner.pk, signature=effect(1.0)[:384], bundle="tiny-16", scope="all",
        limit=8,
    )  # fmt: skip
    likeness = {one.version_id: one.likeness for one in found}

    assert likeness[smile.current_version_id] > 0.9
    assert likeness[frown.current_version_id] < -0.9


def test_similar_vectors_are_ones_own_and_listed_ones_nearest_first(who):
    smile = with_effect(who, "Smile", 1.0, 0.1)
    with_effect(who, "Grin", 1.0, 0.3)
    theirs = {"actor": who.stranger, "team": who.other_team}
    listed = with_effect(who, "Beam", 1.0, 0.12, **theirs)
    publications.publish(actor=who.stranger, edit_vector_id=listed.pk, now=rows.NOW)
    with_effect(who, "Secret", 1.0, 0.1, **theirs)

    address = f"/api/edit-vectors/{smile.pk}/similar"
    found = rows.client(who.owner).get(address).json()
    team = rows.client(who.owner).get(address, {"scope": "team"}).json()

    assert [one["vector"]["title"] for one in found] == ["Beam", "Grin"]
    assert [one["vector"]["title"] for one in team] == ["Grin"]
    assert found[0]["likeness"] > found[1]["likeness"] > 0.9
