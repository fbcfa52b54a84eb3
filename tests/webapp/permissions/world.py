"""Everybody who may ask, and one thing of each kind in each state that they may ask for."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client

from tests.factories import rows
from tests.factories.rows import People
from tests.webapp.library.test_edit_vectors import measured, save
from webapp.accounts import services as accounts
from webapp.accounts import tokens
from webapp.accounts.models import Role, Scope, User
from webapp.albums import services as albums
from webapp.families.models import OwnFamily
from webapp.images import services as images
from webapp.images import sharing
from webapp.images.models import Access, Image
from webapp.jobs.contract import VectorUse
from webapp.library import favorites, publications, selectors
from webapp.library.models import EditVector, Report
from webapp.webhooks.models import Webhook
from webapp.workshop import exchange, labels, uploads
from webapp.workshop import services as workshop
from webapp.workshop.models import FamilySample, FamilyTry
from webapp.workshop.schemas import FamilyPartIn

# The columns of the table, in its order. `revoked` was an editor and a guest, and is neither
# now; `token` has every scope of the owner and `no_scope` none.
WHO = (
    "anonymous", "stranger", "revoked", "viewer", "editor", "owner", "moderator", "look_link",
    "edit_link", "token", "no_scope",
)  # fmt: skip
IMAGE_STATES = ("team", "shared")  # shared: there are links to it, and guests came by them
# Every vector is the owner's.
VECTOR_STATES = ("team", "listed", "withdrawn")


@dataclass
class World:
    """The rows, and a browser for each column."""

    now: datetime
    people: People
    users: dict[str, User]
    images: dict[str, Image] = field(default_factory=dict)
    vectors: dict[str, EditVector] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    browsers: dict[str, Client] = field(default_factory=dict)
    file: bytes = b""  # an edit vector, as it is exported
    parts: list[Any] = field(default_factory=list)  # of the family in the making
    folder: Path = Path()  # below which the files of families are
    labels: bytes = b""  # its label maps, as they are exported

    def header(self, who: str) -> dict[str, str]:
        """Return what a request of this column carries beside its cookies."""
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}


def person(name: str, **more: Any) -> User:
    user: User = User.objects.create_user(
        f"{name}@example.com", None, name=f"{name.title()} Person", **more
    )
    accounts.confirm_address(user)
    return user


def build() -> World:
    """Make everything; the caller rolls it back, or flushes."""
    now = datetime.now(UTC)
    who = rows.people()
    users = {
        "stranger": who.stranger,
        "revoked": person("revoked"),
        "viewer": person("viewer"),
        "editor": who.teammate,
        "owner": who.owner,
        "moderator": person("moderator", is_moderator=True),
        "look_link": person("looker"),
        "edit_link": person("guest"),
        "leaver": person("leaver"),
    }
    world = World(now=now, people=who, users=users)
    for name in ("revoked", "moderator", "look_link", "edit_link"):
        accounts.found_team(name=f"Team of {name}", owner=users[name])
    for name, role in (
        ("viewer", Role.VIEWER), ("revoked", Role.EDITOR), ("leaver", Role.VIEWER),
    ):  # fmt: skip
        accounts.add_member(team=who.team, user=users[name], role=role)
    _pictures(world)
    _vectors(world)
    _families(world)
    accounts.remove_member(
        actor=who.owner, team_id=who.team.pk, user_id=users["revoked"].pk, now=rows.NOW
    )
    _links(world)
    everything, nothing = set(Scope), set[Scope]()
    for column, scopes in (("token", everything), ("no_scope", nothing)):
        made, secret = tokens.create(
            actor=who.owner, name=column, scopes=scopes, days=None, now=now
        )
        world.tokens[column] = secret
        world.ids["token_id"] = made.pk
    for column in WHO:
        user = users.get(column)
        world.browsers[column] = rows.client(user)
    return world


def _pictures(world: World) -> None:
    who, now = world.people, world.now
    for number, state in enumerate(IMAGE_STATES):
        image = rows.sample(who, name=state, seed=number)
        rows_of_parent = image.head_id
        images.restore(actor=who.owner, revision_id=rows_of_parent, now=now)
        image.refresh_from_db()
        world.images[state] = image
        world.ids[f"job {state}"] = images.start_edit(
            actor=who.owner, image_id=image.pk, base_revision_id=image.head_id, steps=3,
            label_map=rows.labels_png(rows.labels(hair_rows=9)), frozen_seq=0, now=now,
        ).pk  # fmt: skip
        link = sharing.share(
            actor=who.owner, image_id=image.pk, access=Access.EDIT, days=1, now=now
        )
        sharing.open_link(actor=world.users["revoked"], secret=sharing.secret_of(link))
        sharing.unshare(actor=who.owner, share_id=link.pk, now=now)
    shared = world.images["shared"]
    for column, access in (("look_link", Access.VIEW), ("edit_link", Access.EDIT)):
        link = sharing.share(
            actor=who.owner, image_id=shared.pk, access=access, days=1, now=now
        )
        sharing.open_link(actor=world.users[column], secret=sharing.secret_of(link))
        world.ids["share_id"] = link.pk
        world.secrets["share"] = sharing.secret_of(link)


def _vectors(world: World) -> None:
    who, now = world.people, world.now
    for state in VECTOR_STATES:
        vector = save(who, card=measured(), title=f"Vector {state}")
        world.vectors[state] = vector
        if state != "team":
            publications.publish(actor=who.owner, edit_vector_id=vector.pk, now=now)
        if state == "withdrawn":
            publications.withdraw(actor=who.owner, edit_vector_id=vector.pk, now=now)
    world.ids["collection_id"] = favorites.add_collection(
        actor=who.owner, team=who.team, title="Ours", description="", is_personal=False,
        now=now,
    ).pk  # fmt: skip
    world.ids["report_id"] = _reported(world, world.vectors["listed"]).pk
    removed = save(who, card=measured(), title="Removed vector")
    publications.publish(actor=who.owner, edit_vector_id=removed.pk, now=now)
    publications.decide_report(
        actor=world.users["moderator"], report_id=_reported(world, removed).pk,
        is_upheld=True, note="It should not.", now=now,
    )  # fmt: skip
    world.ids["appeal_id"] = publications.appeal(
        actor=who.owner, edit_vector_id=removed.pk, text="Please look again.", now=now
    ).pk
    version = world.vectors["listed"].current_version_id
    world.ids["run_id"] = albums.start(
        actor=who.owner, team=who.team, image_ids=[world.images["team"].pk],
        stack=(VectorUse(edit_vector_version_id=version, strength=1.0),), now=now,
    ).pk  # fmt: skip
    world.file = selectors.file(who.owner, world.vectors["team"].pk)[1]


def _families(world: World) -> None:
    """Make a family project that has everything, with an upload, and publish it once."""
    who, now = world.people, world.now
    project = workshop.begin(actor=who.owner, team=who.team, title="Own family", now=now)
    upload = uploads.begin(
        actor=who.owner, project_id=project.pk, kind="checkpoint", file_name="a.pkl", size=10,
        now=now,
    )  # fmt: skip
    names = ("name", "title", "color", "is_background")
    made = [FamilyPartIn(**dict(zip(names, part, strict=True))) for part in rows.PARTS]
    project = labels.set_parts(
        actor=who.owner, project_id=project.pk, schema_version=0, wanted=made, merged={}
    )
    world.parts = project.parts
    project.generator = {
        "source": "checkpoint", "file_name": "a.pkl", "resolution": rows.SIZE,
        "label_size": rows.SIZE, "num_layers": rows.LAYERS, "w_dim": rows.W_DIM,
        "fingerprint": "f" * 64, "warnings": [], "skipped": [], "num_skipped": 0,
    }  # fmt: skip
    trained = {"trained_at": now.isoformat(), "figures": {}}
    project.branch = {
        **trained, "num_labels": 2, "explanation": "", "schema_version": 1, "labels_version": 0,
    }  # fmt: skip
    project.encoder = {**trained, "reconstructions": [], "sheet": None}
    project.save()
    folder = uploads.folder_of(project.pk)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sheet.png").write_bytes(rows.picture_bytes())
    for number, name in enumerate(("sample_id", "other_sample_id")):
        picture = rows.picture(40 + number)
        sample = FamilySample.objects.create(
            project=project, number=number, picture_id=picture.picture,
            thumbnail_id=picture.thumbnail, place=number + 1, is_chosen=True,
        )  # fmt: skip
        labels.save_label_map(
            actor=who.owner, sample_id=sample.pk, version=0, is_done=True, now=now,
            data=rows.labels_png(rows.labels()),
        )  # fmt: skip
        world.ids[name] = sample.pk
    world.labels = exchange.export(who.owner, project.pk, form="png")
    world.ids |= {"project_id": project.pk, "upload_id": upload.pk}
    world.ids["try_id"] = FamilyTry.objects.create(
        project=project, owner=who.owner, original_id=rows.picture(50).picture
    ).pk
    rows.write_manifest(Path(settings.FAMILIES_DIR), name="own-1-v1", family="own-1")
    OwnFamily.objects.create(
        team=who.team, made_by=who.owner, project_id=project.pk, bundle="own-1-v1",
        family="own-1", version=1, title="Own family",
    )  # fmt: skip
    world.ids["name"] = "own-1-v1"


def _reported(world: World, vector: EditVector) -> Report:
    return publications.report(
        actor=world.users["leaver"], edit_vector_id=vector.pk, reason="other", text="Look.",
        now=world.now,
    )  # fmt: skip


def _links(world: World) -> None:
    invitation = accounts.invite(
        actor=world.people.owner, team_id=world.people.team.pk, email="", role=Role.EDITOR,
        days=1, now=world.now + timedelta(seconds=1),
    )  # fmt: skip
    hook = Webhook.objects.create(
        team=world.people.team, made_by=world.people.owner, url="https://example.com/",
        key="whsec_AAAA", events=["vector.listed"],
    )  # fmt: skip
    world.ids["webhook_id"] = hook.pk
    world.ids["invitation_id"] = invitation.pk
    world.secrets["invitation"] = accounts.invitation_link(invitation)
    world.ids["team_id"] = world.people.team.pk
    world.ids["user_id"] = world.users["leaver"].pk
