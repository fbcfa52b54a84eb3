"""Bringing edit vectors to the community: measured first, reported, removed, appealed."""

import threading
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction

from tests.factories import rows
from tests.webapp.library.test_edit_vectors import OFFSET, measured, save, stack_of
from webapp.accounts import services as accounts
from webapp.accounts.models import Role, User
from webapp.common.errors import DomainError
from webapp.jobs import worker
from webapp.jobs.contract import VectorUse
from webapp.library import favorites, policies, publications, search, selectors, services
from webapp.library.licenses import License
from webapp.library.models import Appeal, EditVector, Follow, Notice, Report
from webapp.library.search import Filters

COMMUNITY = Filters(scope="community")


def publish(who, vector, **more):
    given = {"actor": who.owner, "edit_vector_id": vector.pk, "now": rows.NOW}
    return publications.publish(**{**given, **more})


def listed(who, **more):
    vector = save(who, card=measured(), **more)
    publish(who, vector)
    return vector


def state(user, vector) -> str:
    return selectors.shown(user, vector.pk).publication.state


def told(user) -> list[str]:
    return [notice.kind for notice in Notice.objects.visible_to(user).order_by("created_at")]


@pytest.fixture
def moderator(who):
    who.teammate.is_moderator = True
    who.teammate.save()
    return who.teammate


# ---- publishing ----------------------------------------------------------------------------


def test_nobody_outside_finds_a_vector_before_its_figures_are_there(who):
    vector = save(who)

    publish(who, vector)
    before = search.find(who.stranger, filters=COMMUNITY).total
    was = state(who.owner, vector)
    worker.finish(rows.claim("batch"), measured(), now=rows.later(9))

    assert (was, before) == ("measuring", 0)
    assert state(who.stranger, vector) == "listed"
    assert search.find(who.stranger, query="smi", filters=COMMUNITY).total == 1
    assert told(who.owner) == ["listed"]


def test_a_weak_vector_stays_with_its_team_and_the_page_says_why(who):
    vector = save(who)
    publish(who, vector)

    weak = measured().model_copy(update={"identity": 0.71, "success": 0.5})
    worker.finish(rows.claim("batch"), weak, now=rows.later(9))

    shown = selectors.shown(who.teammate, vector.pk)
    assert shown.publication.state == "draft"
    assert shown.publication.reasons == [
        "it keeps identity at 0.71, the minimum is 0.80",
        "it works on 50 % of the probe pictures, the minimum is 80 %",
    ]
    assert search.find(who.stranger).total == 0
    assert search.find(who.teammate).total == 1


def test_a_vector_that_could_not_be_measured_is_a_draft_and_publishing_tries_again(who):
    vector = save(who)
    publish(who, vector)

    worker.fail(
        rows.claim("batch"), "region.empty", "Nothing moved.", retryable=False,
        now=rows.later(1),
    )  # fmt: skip
    shown = selectors.shown(who.owner, vector.pk).publication
    publish(who, vector)
    worker.finish(rows.claim("batch"), measured(), now=rows.later(9))

    assert (shown.state, shown.reasons) == (
        "draft", ["it could not be measured. Nothing moved."],
    )  # fmt: skip
    assert state(who.stranger, vector) == "listed"
    assert told(who.owner) == ["not_listed", "listed"]


def test_an_unlisted_vector_is_used_by_who_has_its_address_and_found_by_nobody(who):
    vector = save(who, card=measured())

    publish(who, vector, is_listed=False)

    assert state(who.stranger, vector) == "unlisted"
    assert search.find(who.stranger).total == 0
    selectors.check_stack(who.stranger, bundle="tiny-16", stack=stack_of(vector))


def test_withdrawing_hides_it_but_pictures_that_hold_it_keep_it(who):
    vector, other = listed(who), listed(who, title="Frown")
    stack = stack_of(vector)
    services.record_uses(user=who.stranger, team=who.other_team, stack=stack, now=rows.NOW)

    for one in (vector, other):
        publications.withdraw(actor=who.owner, edit_vector_id=one.pk, now=rows.NOW)

    assert search.find(who.stranger).total == 0
    selectors.check_stack(who.stranger, bundle="tiny-16", stack=stack)
    with pytest.raises(policies.UnknownVectorError):
        selectors.check_stack(who.stranger, bundle="tiny-16", stack=stack_of(other))
    with pytest.raises(policies.UnknownVectorError):
        selectors.shown(who.stranger, vector.pk)


def test_publishing_twice_is_refused_and_after_withdrawing_works_again(who):
    vector = listed(who)

    with pytest.raises(publications.AlreadyPublishedError):
        publish(who, vector)
    publications.withdraw(actor=who.owner, edit_vector_id=vector.pk, now=rows.NOW)
    publish(who, vector)

    assert state(who.owner, vector) == "listed"


def test_a_teammate_who_is_not_the_author_cannot_publish(who):
    with pytest.raises(policies.NotYourVectorError):
        publish(who, save(who, card=measured()), actor=who.teammate)


# ---- versions ------------------------------------------------------------------------------


def add_version(who, vector, offset=OFFSET * 0.5, **more):
    given = {
        "actor": who.owner, "edit_vector_id": vector.pk, "bundle": "tiny-16", "offset": offset,
        "parts": (2,), "margin": 5, "learned_from": {}, "notes": "less squint",
        "now": rows.later(60),
    }  # fmt: skip
    return services.add_version(**{**given, **more})


def test_a_new_version_reaches_the_team_at_once_and_tells_who_used_the_old_one(who):
    vector = save(who, card=measured())
    stack = stack_of(vector)
    services.record_uses(user=who.teammate, team=who.team, stack=stack, now=rows.NOW)

    version = add_version(who, vector)

    assert selectors.shown(who.teammate, vector.pk).version.id == version.pk
    (notice,) = Notice.objects.filter(recipient=who.teammate)
    assert notice.text == "Smile, which you used, has a version 2: less squint"
    selectors.check_stack(who.teammate, bundle="tiny-16", stack=stack)


def test_the_community_keeps_the_old_version_until_the_new_one_is_good_enough(who):
    vector = listed(who)
    first = selectors.shown(who.stranger, vector.pk).version.number

    waiting = add_version(who, vector)
    meanwhile = selectors.shown(who.stranger, vector.pk).version.number
    seen = [line.number for line in selectors.page(who.stranger, vector.pk).versions]
    stack = (VectorUse(edit_vector_version_id=waiting.pk, strength=1.0),)
    with pytest.raises(policies.UnknownVectorError):
        selectors.check_stack(who.stranger, bundle="tiny-16", stack=stack)
    selectors.check_stack(who.owner, bundle="tiny-16", stack=stack)
    weak = measured().model_copy(update={"success": 0.1})
    worker.finish(rows.claim("batch"), weak, now=rows.later(70))
    after_weak = selectors.shown(who.stranger, vector.pk).version.number
    add_version(who, vector, OFFSET * 0.7)
    worker.finish(rows.claim("batch"), measured(), now=rows.later(80))

    assert (first, meanwhile, after_weak, seen) == (1, 1, 1, [1])
    assert selectors.shown(who.stranger, vector.pk).version.number == 3
    assert [line.number for line in selectors.page(who.owner, vector.pk).versions] == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offset": OFFSET}, "library.same_version"),
        ({"offset": OFFSET[:3]}, "library.wrong_shape"),
        ({"bundle": "cars-64"}, "library.other_bundle"),
        ({"notes": "x" * 501}, "library.wording"),
    ],
)
def test_what_is_no_new_version_is_refused(who, changes, code):
    vector = save(who)

    with pytest.raises(DomainError) as caught:
        add_version(who, vector, **changes)

    assert caught.value.code == code


# ---- forks and licences --------------------------------------------------------------------


def fork(who, vector, *, actor=None, team=None, strength=1.0, title=""):
    return services.fork_edit_vector(
        actor=actor or who.stranger, team=team or who.other_team, edit_vector_id=vector.pk,
        title=title, strength=strength, now=rows.later(5),
    )  # fmt: skip


def test_a_fork_shows_where_it_comes_from_and_its_source_shows_it(who):
    vector = listed(who)

    made = fork(who, vector, title="Shy smile", strength=0.5)

    shown = selectors.shown(who.stranger, made.pk)
    assert (shown.forked_from.title, shown.forked_from.version) == ("Smile", 1)
    assert shown.version.norm == pytest.approx(vector.current_version.norm / 2, rel=1e-6)
    assert shown.version.card is None  # at another strength it is another vector
    assert told(who.owner)[-1] == "forked"
    publications.publish(actor=who.stranger, edit_vector_id=made.pk, now=rows.NOW)
    jobs = [rows.claim("batch"), worker.claim("batch", now=rows.NOW, lease_seconds=30)]
    for job in filter(None, jobs):
        if job.request.edit_vector_version_id == made.current_version_id:
            worker.finish(job, measured(), now=rows.later(9))
    (line,) = selectors.page(who.owner, vector.pk).forks
    assert (line.title, line.of_version) == ("Shy smile", 1)


def test_a_vector_that_allows_no_changes_is_neither_forked_nor_given_out(who):
    vector = listed(who, license=License(allows_derivatives=False))

    with pytest.raises(policies.NoDerivativesError):
        fork(who, vector)
    with pytest.raises(policies.NoDerivativesError):
        selectors.file(who.stranger, vector.pk)
    shown = selectors.shown(who.stranger, vector.pk)
    own = fork(who, vector, actor=who.teammate, team=who.team)

    assert (shown.may_fork, shown.may_export) == (False, False)
    assert own.forked_from_id == vector.current_version_id
    assert selectors.file(who.teammate, vector.pk)[1]


def test_a_fork_inherits_its_licence_and_never_allows_more(who):
    vector = listed(who, license=License(allows_commercial=False))
    strict = listed(who, title="Frown", license=License(keeps_license=True))

    made, bound = fork(who, vector), fork(who, strict)

    assert License.of(made) == License(allows_commercial=False)
    for one, wish in ((made, License()), (bound, License(allows_commercial=False))):
        with pytest.raises(DomainError) as caught:
            services.change_license(actor=who.stranger, edit_vector_id=one.pk, license=wish)
        assert caught.value.code == "library.license_bound"
    closed = License(allows_commercial=False, allows_derivatives=False)
    services.change_license(actor=who.stranger, edit_vector_id=made.pk, license=closed)
    assert selectors.shown(who.stranger, made.pk).license.allows_derivatives is False


def test_a_fork_of_ones_own_fork_is_bound_to_the_first_licence(who):
    vector = listed(who, license=License(allows_commercial=False))
    second = fork(who, fork(who, vector))

    with pytest.raises(DomainError) as caught:
        services.change_license(actor=who.stranger, edit_vector_id=second.pk, license=License())

    assert caught.value.code == "library.license_bound"


# ---- reports, decisions, appeals -------------------------------------------------------------


def report(who, vector, *, actor=None):
    return publications.report(
        actor=actor or who.stranger,
        edit_vector_id=vector.pk,
        reason="stolen",
        text="",
        now=rows.NOW,
    )


def test_from_report_to_removal_to_appeal_and_back(who, moderator):
    vector = listed(who)
    found = report(who, vector)

    (waiting,) = selectors.queue(moderator).reports
    publications.decide_report(
        actor=moderator, report_id=found.pk, is_upheld=True, note="Not yours.", now=rows.NOW
    )
    removed = selectors.shown(who.owner, vector.pk).publication
    with pytest.raises(policies.UnknownVectorError):
        selectors.shown(who.stranger, vector.pk)
    with pytest.raises(publications.RemovedByModeratorError):
        publish(who, vector)
    asked = publications.appeal(
        actor=who.owner, edit_vector_id=vector.pk, text="I painted it.", now=rows.NOW
    )
    (appeal,) = selectors.queue(moderator).appeals
    publications.decide_appeal(
        actor=moderator, appeal_id=asked.pk, is_upheld=True, note="So it is.", now=rows.NOW
    )

    assert (waiting.title, waiting.reporter.name) == ("Smile", "Sam Stranger")
    assert (removed.state, removed.reasons) == ("removed", ["Not yours."])
    assert appeal.text == "I painted it."
    assert state(who.stranger, vector) == "listed"
    assert sorted(told(who.owner)) == ["decided", "listed", "removed"]
    assert told(who.stranger) == ["decided"]
    assert selectors.queue(moderator).appeals == selectors.queue(moderator).reports == []


def test_an_upheld_appeal_brings_nothing_back_that_was_not_measured(who, moderator):
    vector = listed(who)
    publications.decide_report(
        actor=moderator, report_id=report(who, vector).pk, is_upheld=True, note="No.",
        now=rows.NOW,
    )  # fmt: skip
    asked = publications.appeal(
        actor=who.owner, edit_vector_id=vector.pk, text="I painted it.", now=rows.NOW
    )
    add_version(who, vector)

    publications.decide_appeal(
        actor=moderator, appeal_id=asked.pk, is_upheld=True, note="", now=rows.NOW
    )
    meanwhile = state(who.owner, vector)
    worker.finish(rows.claim("batch"), measured(), now=rows.later(9))

    assert (meanwhile, state(who.stranger, vector)) == ("measuring", "listed")


def test_a_removed_vector_can_no_longer_be_applied_by_others(who, moderator):
    vector = listed(who)
    stack = stack_of(vector)
    services.record_uses(user=who.stranger, team=who.other_team, stack=stack, now=rows.NOW)
    publications.decide_report(
        actor=moderator, report_id=report(who, vector).pk, is_upheld=True, note="No.",
        now=rows.NOW,
    )  # fmt: skip

    with pytest.raises(policies.UnknownVectorError):
        selectors.check_stack(who.stranger, bundle="tiny-16", stack=stack)
    selectors.check_stack(who.owner, bundle="tiny-16", stack=stack)


def test_reporting_twice_deciding_twice_and_removing_without_a_word_are_refused(who, moderator):
    vector = listed(who)
    found = report(who, vector)

    def decide(is_upheld: bool, note: str = "") -> None:
        publications.decide_report(
            actor=moderator, report_id=found.pk, is_upheld=is_upheld, note=note, now=rows.NOW
        )

    with pytest.raises(publications.AlreadyReportedError):
        report(who, vector)
    with pytest.raises(publications.BadReasonError):
        decide(True)
    decide(False)
    with pytest.raises(publications.AlreadyDecidedError):
        decide(True, "Late.")
    assert state(who.stranger, vector) == "listed"
    report(who, vector)  # a new report after the decision is allowed


@pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
def test_two_moderators_who_decide_at_once_neither_wait_for_ever_nor_decide_twice(
    who, moderator
):
    vector = listed(who)
    other = User.objects.create_user("ria@example.com", name="Ria")
    reports = [report(who, vector), report(who, vector, actor=other)]
    answers = []

    def decide(found):
        try:
            publications.decide_report(
                actor=moderator, report_id=found.pk, is_upheld=True, note="No.", now=rows.NOW
            )
            answers.append("decided")
        except Exception as refusal:
            answers.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(found,)) for found in reports]
    with transaction.atomic():  # both stand before the edit vector, each with a report
        EditVector.objects.select_for_update().get(pk=vector.pk)
        for thread in threads:
            thread.start()
            thread.join(timeout=0.3)
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(answers) == ["AlreadyDecidedError", "decided"]
    assert told(who.owner).count("removed") == 1


@pytest.mark.parametrize("role", ["owner", "stranger"])
def test_only_moderators_see_the_queue_and_decide(who, role):
    vector = listed(who)
    found = report(who, vector)
    browser = rows.client(getattr(who, role))
    decision = {"is_upheld": True, "note": "x"}

    queue = browser.get("/api/moderation").status_code
    decided = browser.post(
        f"/api/reports/{found.pk}/decision", decision, content_type="application/json"
    ).status_code

    assert (queue, decided) == (403, 403)
    assert Report.objects.get().verdict == "open"


def test_an_appeal_needs_a_removal_and_a_reason(who, moderator):
    vector = listed(who)

    with pytest.raises(publications.NotPublishedError):
        publications.appeal(
            actor=who.owner, edit_vector_id=vector.pk, text="Please.", now=rows.NOW
        )
    assert not Appeal.objects.exists()


# ---- likes, follows, collections -------------------------------------------------------------


def test_likes_are_counted_once_and_taken_back(who):
    from webapp.library import index

    vector = listed(who)
    for user in (who.stranger, who.stranger, who.teammate):
        favorites.like(actor=user, edit_vector_id=vector.pk, is_on=True, now=rows.NOW)
    index.roll_up(now=rows.later(1))
    both = selectors.shown(who.stranger, vector.pk)
    favorites.like(actor=who.stranger, edit_vector_id=vector.pk, is_on=False, now=rows.later(2))
    index.roll_up(now=rows.later(3))

    assert (both.num_likes, both.is_liked) == (2, True)
    one = selectors.shown(who.stranger, vector.pk)
    assert (one.num_likes, one.is_liked) == (1, False)


def test_a_follower_hears_what_a_creator_lists_and_nothing_after(who):
    first = listed(who)
    favorites.follow(actor=who.stranger, creator_id=who.owner.pk, is_on=True, now=rows.NOW)
    listed(who, title="Frown")
    favorites.follow(actor=who.stranger, creator_id=who.owner.pk, is_on=False, now=rows.NOW)
    listed(who, title="Grin")

    (notice,) = Notice.objects.filter(recipient=who.stranger)
    assert notice.text == "Olive Owner listed Frown."
    assert selectors.page(who.stranger, first.pk).is_author_followed is False
    with pytest.raises(favorites.UnknownCreatorError):
        favorites.follow(actor=who.owner, creator_id=who.stranger.pk, is_on=True, now=rows.NOW)


def test_a_team_collection_is_the_teams_and_a_personal_one_is_ones_own(who):
    vector, secret = listed(who), save(who, title="Secret")
    browser = rows.client(who.owner)

    def make(title, *, is_personal):
        body = {"title": title, "is_personal": is_personal}
        answer = browser.post("/api/collections", body, content_type="application/json")
        return answer.json()["collection"]["id"]

    shared, own = make("Smiles", is_personal=False), make("Mine", is_personal=True)
    for item in (vector, secret):
        assert browser.put(f"/api/collections/{shared}/items/{item.pk}").status_code == 204
    assert browser.put(f"/api/collections/{shared}/items/{uuid4()}").status_code == 404
    mate, other = rows.client(who.teammate), rows.client(who.stranger)

    assert [c["title"] for c in mate.get("/api/collections").json()] == ["Smiles"]
    assert mate.get(f"/api/collections/{own}").status_code == 404
    assert other.get(f"/api/collections/{shared}").status_code == 404
    assert len(mate.get(f"/api/collections/{shared}").json()["items"]) == 2
    assert mate.delete(f"/api/collections/{shared}").status_code == 403
    assert browser.delete(f"/api/collections/{shared}/items/{secret.pk}").status_code == 204
    assert len(mate.get(f"/api/collections/{shared}").json()["items"]) == 1


@pytest.mark.parametrize("role", [None, Role.VIEWER])
def test_who_left_or_only_looks_no_longer_changes_the_teams_collection(who, role):
    made = favorites.add_collection(
        actor=who.teammate, team=who.team, title="Smiles", description="", is_personal=False,
        now=rows.NOW,
    )  # fmt: skip
    if role is None:
        accounts.remove_member(
            actor=who.owner, team_id=who.team.pk, user_id=who.teammate.pk, now=rows.NOW
        )
    else:
        accounts.change_role(
            actor=who.owner, team_id=who.team.pk, user_id=who.teammate.pk, role=role
        )

    answer = rows.client(who.teammate).delete(f"/api/collections/{made.pk}")

    assert answer.status_code == (404 if role is None else 403)
    assert len(selectors.collections(who.owner)) == 1


def test_a_creator_who_shows_nothing_any_more_can_be_unfollowed(who):
    vector = listed(who)
    favorites.follow(actor=who.stranger, creator_id=who.owner.pk, is_on=True, now=rows.NOW)
    publications.withdraw(actor=who.owner, edit_vector_id=vector.pk, now=rows.NOW)

    favorites.follow(actor=who.stranger, creator_id=who.owner.pk, is_on=False, now=rows.NOW)

    assert not Follow.objects.exists()


def test_notices_are_ones_own_and_can_be_read(who):
    listed(who)
    browser = rows.client(who.owner)

    before = browser.get("/api/notices").json()
    browser.post("/api/notices/read")

    assert (before["num_unread"], before["items"][0]["text"]) == (
        1, "Smile was measured and is listed.",
    )  # fmt: skip
    assert browser.get("/api/notices").json()["num_unread"] == 0
    assert rows.client(who.stranger).get("/api/notices").json()["items"] == []


def test_vectors_that_act_on_the_same_parts_are_hinted_at(who):
    mouth = measured().model_copy(update={"effect_by_part": {"skin": 0.1, "hair": 0.1}})
    hair = measured().model_copy(update={"effect_by_part": {"hair": -0.2}})
    glasses = measured().model_copy(update={"effect_by_part": {"glasses": 0.2}})
    vectors = [
        save(who, title=title, card=card)
        for title, card in (("A", mouth), ("B", hair), ("C", glasses))
    ]
    ids = [vector.current_version_id for vector in vectors]

    (pair,) = rows.client(who.owner).get("/api/edit-vectors/conflicts", {"ids": ids}).json()

    assert sorted(pair["titles"]) == ["A", "B"]
    assert (pair["overlap"], pair["parts"]) == (0.5, ["hair"])
