"""What does a new installation start with? A team, its people, pictures and edit vectors.

Everything comes from the folders of bundles: sample pictures with their codes and label
maps, and the edit vectors that were painted for them. Running it again changes nothing;
running it after a bundle was trained anew adds what the new one brings.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import safetensors.numpy
from django.db import connection, transaction
from numpy.typing import NDArray
from PIL import Image as Pictures
from safetensors import SafetensorError

from webapp.accounts import services as accounts
from webapp.accounts.models import Role, Team, User
from webapp.common import artifacts, heat
from webapp.common.errors import DomainError
from webapp.families import selectors as families
from webapp.families.selectors import BundleInfo
from webapp.images import codes
from webapp.images import services as images
from webapp.images.models import Image, Revision, RevisionKind
from webapp.jobs.contract import Measured, Picture, ProbeStrip
from webapp.library import services as library
from webapp.library import vector_file
from webapp.library.models import EditVector, EditVectorVersion

log = logging.getLogger(__name__)

TEAM = "Northlight Studio"
PASSWORD = "atelier"  # noqa: S105 - told to everybody who starts the demo
PEOPLE = (
    ("mara@example.com", "Mara Kessler", Role.OWNER),
    ("jonas@example.com", "Jonas Okafor", Role.EDITOR),
)
AUTHOR = ("atelier@example.com", "Atelier", "#5FD3D8")
THUMBNAIL = 256


@transaction.atomic
def seed(*, now: datetime) -> list[str]:
    """Put in place what is missing and return one line per thing that was done or left out."""
    with connection.cursor() as cursor:  # two starts at once must not seed twice
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('demo', 0))")
    team, owner, report = _people()
    author = _author()
    bundles = families.shipped_for_new_pictures()
    if not bundles:
        report.append("No bundle yet, so there are no sample pictures and no edit vectors.")
    for info in bundles:
        report += _samples(info, team=team, owner=author, now=now)
        report += _vectors(info, team=team, author=author, measured_by=owner, now=now)
    return report


def _people() -> tuple[Team, User, list[str]]:
    """Return the team and its owner; who exists already keeps password and name."""
    report: list[str] = []
    users: list[User] = []
    for email, name, _ in PEOPLE:
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(email, PASSWORD, name=name)
            report.append(f"Added {name} ({email}).")
        accounts.confirm_address(user)
        users.append(user)
    team = Team.objects.filter(name=TEAM, members=users[0]).first()
    if team is None:
        team = accounts.found_team(name=TEAM, owner=users[0])
        report.append(f"Founded {TEAM}.")
    for user, (_, _, role) in zip(users, PEOPLE, strict=True):
        if not team.memberships.filter(user=user).exists():
            accounts.add_member(team=team, user=user, role=role)
    return team, users[0], report


def _author() -> User:
    """Return the account behind what comes with the product; nobody can sign in to it."""
    email, name, color = AUTHOR
    found: User | None = User.objects.filter(email=email).first()
    if found is not None:
        return found
    made: User = User.objects.create_user(email, None, name=name, color=color)
    return made


# ---- pictures ----------------------------------------------------------------------------


def _samples(info: BundleInfo, *, team: Team, owner: User, now: datetime) -> list[str]:
    path = info.path / "samples.safetensors"
    if not path.is_file():
        return [f"{info.name} has no sample pictures yet."]
    try:
        tensors = safetensors.numpy.load_file(path)
    except (OSError, SafetensorError) as error:
        return [f"The sample pictures of {info.name} cannot be read: {error}."]
    names = [name for name in info.samples if name in tensors] or sorted(tensors)
    titles = _titles(info)
    revisions = Revision.objects.filter(image__team=team, kind=RevisionKind.SAMPLE)
    present = set(revisions.values_list("w_plus_id", "picture_id"))
    report: list[str] = []
    # The last one made is shown first.
    for name in reversed(names):
        code = np.ascontiguousarray(tensors[name], np.float32)
        if code.shape != (info.num_layers, info.w_dim):
            report.append(f"Sample {name} was made for another model; left out.")
            continue
        try:
            png = (info.path / "samples" / f"{name}.png").read_bytes()
            if (_hash(codes.write(code)), _hash(png)) in present:
                continue  # the usual case at a start: nothing is stored or drawn again
            picture = _picture(info.path / "samples" / f"{name}.labels.png", png, code)
        except (OSError, SyntaxError) as error:
            log.warning("sample %s left out: %s", name, error)
            report.append(f"Sample {name} has no picture; left out.")
            continue
        title = titles.get(name) or name.replace("_", " ").replace("-", " ").capitalize()
        report.append(_sample(info, title, picture, team=team, owner=owner, now=now))
    return report


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _titles(info: BundleInfo) -> dict[str, str]:
    """Return how the sample pictures are called, as far as the bundle says."""
    try:
        found = json.loads((info.path / "samples" / "titles.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v)[:120] for k, v in found.items()} if isinstance(found, dict) else {}


def _picture(labels: Path, png: bytes, code: codes.Code) -> Picture:
    """Return a sample with its bytes stored.

    Raises:
        OSError, SyntaxError: a file is missing or no picture.
    """
    with Pictures.open(io.BytesIO(png), formats=["PNG"]) as opened:
        small = opened.convert("RGB").resize(
            (THUMBNAIL, THUMBNAIL), Pictures.Resampling.BICUBIC
        )
    out = io.BytesIO()
    small.save(out, "WEBP", quality=88, method=4)
    return Picture(
        w_plus=artifacts.put(codes.write(code), content_type="application/octet-stream"),
        picture=artifacts.put(png, content_type="image/png"),
        label_map=artifacts.put(labels.read_bytes(), content_type="image/png"),
        thumbnail=artifacts.put(out.getvalue(), content_type="image/webp"),
    )


def _sample(
    info: BundleInfo, title: str, picture: Picture, *, team: Team, owner: User, now: datetime
) -> str:
    """Add a sample, or a revision to it if the bundle was trained anew since."""
    samples = Image.objects.filter(
        team=team, bundle=info.name, revisions__kind=RevisionKind.SAMPLE, owner=owner
    )
    image = samples.filter(name=title).distinct().first()
    if image is None:
        images.add_sample(
            owner=owner, team=team, name=title, bundle=info.name, picture=picture, now=now
        )
        return f"Added the sample picture {title}."
    images.add_revision(
        image=Image.objects.select_for_update(of=("self",)).get(pk=image.pk),
        author=owner,
        kind=RevisionKind.SAMPLE,
        title="Newer model",
        picture=picture,
        parent=None,
        now=now,
    )
    return f"Renewed the sample picture {title}."


# ---- edit vectors ------------------------------------------------------------------------


def _files(info: BundleInfo) -> Iterator[Path]:
    yield from sorted((info.path / "vectors").glob("*.safetensors"))


def _vectors(
    info: BundleInfo, *, team: Team, author: User, measured_by: User, now: datetime
) -> list[str]:
    report: list[str] = []
    versions = EditVectorVersion.objects.filter(
        edit_vector__team=team, edit_vector__author=author, fingerprint=info.fingerprint
    )
    present = set(versions.values_list("learned_from__seed", "content_hash"))
    for path in _files(info):
        try:
            read = vector_file.read(path.read_bytes())
            digest = vector_file.content_hash(vector_file.offset_bytes(read.offset))
            if (path.stem, digest) in present:
                continue  # also if somebody removed it
            report.append(
                _vector(
                    info,
                    path,
                    read,
                    team=team,
                    author=author,
                    measured_by=measured_by,
                    now=now,
                )
            )
        except DomainError as refusal:
            report.append(f"Edit vector {path.stem} was left out: {refusal.detail}")
    return report


def _vector(
    info: BundleInfo,
    path: Path,
    read: vector_file.VectorFile,
    *,
    team: Team,
    author: User,
    measured_by: User,
    now: datetime,
) -> str:
    """Add an edit vector; one that was painted anew replaces the old."""
    name = path.stem
    made_for = read.card.get("model", {}).get("fingerprint", info.fingerprint)
    if made_for != info.fingerprint:
        return f"Edit vector {name} was made for another model; left out."
    old = EditVector.objects.live().filter(
        team=team, author=author, current_version__learned_from__seed=name,
        current_version__bundle=info.name,
    )  # fmt: skip
    num_old = old.update(deleted_at=now)
    title = str(read.card.get("title") or name.replace("_", " ").capitalize())
    groups = {part.group.lower() for part in info.parts if part.id in read.parts}
    card = _card(info, read, path.with_suffix(".strips.webp"))
    made = library.save_edit_vector(
        actor=author,
        team=team,
        bundle=info.name,
        offset=read.offset,
        parts=read.parts,
        margin=int(read.card.get("margin", 5)),
        learned_from={**dict(read.card.get("learned_from", {})), "seed": name},
        title=title,
        description=str(read.card.get("description", "")),
        tags=[str(tag) for tag in read.card.get("tags", ())] or sorted(groups),
        measured_by=measured_by,
        card=card,
        now=now,
    )
    if card is not None and not card.signature and made.current_version is not None:
        # Shown at once, and found by effect as soon as a worker has looked at it.
        library.measure(made.current_version, owner=measured_by, team=team, now=now)
    return f"{'Renewed' if num_old else 'Added'} the edit vector {title}."


def _card(info: BundleInfo, read: vector_file.VectorFile, strips: Path) -> Measured | None:
    """Return what was measured when the vector was made, or None: a worker measures it then."""
    figures = read.card.get("calibration")
    if not figures or not strips.is_file():
        return None
    side = info.resolution
    with Pictures.open(strips, formats=["WEBP"]) as sheet:
        faces = [
            [
                sheet.convert("RGB").crop((left, top, left + side, top + side))
                for left in range(0, sheet.width, side)
            ]
            for top in range(0, sheet.height, side)
        ]
    rows = [ProbeStrip(pictures=tuple(_tile(picture) for picture in face)) for face in faces]
    effects = figures["effects"]
    signature = read.card.get("signature", {}).get("values", ())
    known = Measured.model_fields.keys() - {"kind", "strips", "effect_by_part", "heat"}
    plain = {name: value for name, value in figures.items() if name in known}
    return Measured.model_validate(
        {
            **plain,
            "strips": rows,
            "heat": _heat(faces, figures["strengths"]),
            "effect_by_part": {name: effect[0] for name, effect in effects.items()},
            "signature": signature,
        }
    )


def _heat(faces: list[list[Pictures.Image]], strengths: list[float]) -> str | None:
    """Keep where strength 1 changes the faces; return its name, None if that is not shown."""
    if not {0.0, 1.0} <= set(strengths):
        return None

    def at(strength: float) -> NDArray[np.float64]:
        return np.stack([np.asarray(face[strengths.index(strength)]) / 255 for face in faces])

    return artifacts.put(heat.of_strips(at(0.0), at(1.0)), content_type="image/png")


def _tile(picture: Pictures.Image) -> str:
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return artifacts.put(out.getvalue(), content_type="image/png")
