"""What can be read about families in the making?"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from webapp.accounts.models import Membership, User
from webapp.families.models import OwnFamily
from webapp.jobs import selectors as jobs
from webapp.jobs.models import ACTIVE, Job, Status
from webapp.jobs.schemas import JobOut
from webapp.workshop import parts as part_rules
from webapp.workshop import policies, presence
from webapp.workshop.models import FamilyProject, FamilySample
from webapp.workshop.schemas import (
    FamilyProjectOut,
    FamilySampleOut,
    FamilyStepOut,
    StepKey,
    StepState,
    Which,
    is_branch_stale,
)

PAGE = 100
MAX_SAMPLES = 1000
KINDS: dict[StepKey, str] = {
    "bring": "bring",
    "sample": "sample_family",
    "branch": "train_branch",
    "encoder": "train_encoder",
    "publish": "publish_family",
}
WANTED = {
    "bring": "Bring a StyleGAN2 checkpoint, or pictures to train on.",
    "sample": "Draw samples, to choose those worth labelling.",
    "schema": "Name the parts, or start from a template.",
    "label": "Paint the parts on the proposed samples.",
    "branch": "Train the branch on the labelled pictures.",
    "encoder": "Train the encoder, which finds the codes of uploads.",
    "publish": "Publish, and the family can be edited.",
}


def too_few(done: Collection[int], proposed: Collection[int]) -> str:
    """Return why a branch cannot be trained from so few label maps, or nothing if it can."""
    if len(done) < len(proposed):
        missing = sorted(set(proposed) - set(done))
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        return (
            f"{len(done)} of {len(proposed)} pictures are labelled; missing: {shown}. Label "
            "them or others instead."
        )
    return ""


# ---- projects ----------------------------------------------------------------------------


def _counted(found: QuerySet[FamilyProject]) -> QuerySet[FamilyProject]:
    return found.select_related("owner", "team").annotate(  # type: ignore[no-redef]  # the model names them for readers
        num_samples=Count("samples"),
        num_proposed=Count("samples", filter=Q(samples__place__isnull=False)),
        num_chosen=Count("samples", filter=Q(samples__is_chosen=True)),
        num_labeled=Count("samples", filter=Q(samples__is_done=True)),
    )


def projects(user: User, *, now: datetime) -> list[FamilyProjectOut]:
    """Return the newest projects that `user` may see; four queries."""
    found = _counted(FamilyProject.objects.visible_to(user).live())
    return _shown(user, list(found.order_by("-created_at", "-pk")[:PAGE]), now=now)


def project(user: User, project_id: UUID, *, now: datetime) -> FamilyProjectOut:
    """Return a project; four queries.

    Raises:
        UnknownProjectError: `user` can see no such project.
    """
    found = _counted(FamilyProject.objects.visible_to(user).live()).filter(pk=project_id)
    rows = list(found)
    if not rows:
        raise policies.UnknownProjectError
    return _shown(user, rows, now=now)[0]


def _shown(
    user: User, found: Sequence[FamilyProject], *, now: datetime
) -> list[FamilyProjectOut]:
    ids = [row.pk for row in found]
    roles = dict(Membership.objects.filter(user=user).values_list("team_id", "role"))
    newest = jobs.newest_of_projects(ids)
    published: dict[UUID, list[OwnFamily]] = defaultdict(list)
    for family in OwnFamily.objects.filter(project_id__in=ids).order_by("-version"):
        published[family.project_id].append(family)
    return [
        FamilyProjectOut.of(
            row,
            user=user,
            role=roles.get(row.team_id),
            parts=part_rules.read(row.parts),
            steps=_steps(row, newest.get(row.pk, {}), published[row.pk], now=now),
            published=published[row.pk],
        )
        for row in found
    ]


def _steps(
    row: FamilyProject,
    newest: dict[str, Job],
    published: Sequence[OwnFamily],
    *,
    now: datetime,
) -> list[FamilyStepOut]:
    """Return the seven steps in order, each with its state and why."""
    return [
        _step(key, row, newest.get(KINDS.get(key, "")), published, now=now)
        for key in ("bring", "sample", "schema", "label", "branch", "encoder", "publish")
    ]


def _step(
    key: StepKey,
    row: FamilyProject,
    job: Job | None,
    published: Sequence[OwnFamily],
    *,
    now: datetime,
) -> FamilyStepOut:
    lock = _lock(key, row)
    done, what, stale = _made(key, row, published)
    state: StepState = "ready"
    why = WANTED[key]
    if job is not None and job.status in ACTIVE:
        state, why = "running", (job.progress or {}).get("sentence") or "Waiting for its turn."
    elif job is not None and job.status == Status.FAILED and not _is_older(job, row, key):
        state, why = "failed", job.error_detail
    elif stale:
        state, why = "stale", stale
    elif done:
        state, why = "done", what
    elif lock:
        state, why = "locked", lock
    elif job is not None and job.status == Status.CANCELED:
        why = "It was stopped. Start it again, and it goes on from where it was."
    elif what:
        why = what
    shown = JobOut.of(job, now=now) if job is not None else None
    return FamilyStepOut(key=key, state=state, why=why, job=shown)


def _is_older(job: Job, row: FamilyProject, key: StepKey) -> bool:
    """Return whether the step has ended well since this job failed: then it is no news."""
    made = getattr(row, key, None) if key in ("branch", "encoder") else None
    if made is None or job.finished_at is None:
        return False
    return datetime.fromisoformat(made["trained_at"]) > job.finished_at


def _lock(key: StepKey, row: FamilyProject) -> str:
    """Return what has to be done before this step, or nothing."""
    if key in ("sample", "label", "branch", "encoder", "publish") and row.generator is None:
        return "Bring a generator first."
    if key in ("label", "branch") and not row.num_samples:
        return "Draw samples first."
    if key in ("label", "branch") and not row.parts:
        return "Name the parts first."
    if key == "branch" and row.num_labeled < row.num_proposed:
        return (
            f"{row.num_labeled} of {row.num_proposed} pictures are labelled. Label the others "
            "first."
        )
    if key in ("encoder", "publish") and row.branch is None:
        return "Train the branch first."
    if key == "publish" and row.encoder is None:
        return "Train the encoder first."
    return ""


def _made(
    key: StepKey, row: FamilyProject, published: Sequence[OwnFamily]
) -> tuple[bool, str, str]:
    """Return whether a step is done, what it made, and why it should be done again."""
    match key:
        case "bring" if row.generator is not None:
            about = row.generator
            return True, f"{about['file_name']}, {about['resolution']} px", ""
        case "sample" if row.num_samples:
            said = f"{row.num_samples} samples, {row.num_proposed} of them proposed"
            return True, said, ""
        case "schema" if row.parts:
            return True, f"{len(row.parts)} parts", ""
        case "label" if row.num_proposed:
            is_done = row.num_labeled >= row.num_proposed and bool(row.parts)
            return is_done, f"{row.num_labeled} of {row.num_proposed} pictures labelled", ""
        case "branch" if row.branch is not None:
            stale = "Labels or parts have changed since. Train the branch again."
            said = f"Trained on {row.branch['num_labels']} pictures"
            return True, said, stale if is_branch_stale(row) else ""
        case "encoder" if row.encoder is not None:
            psnr = row.encoder["figures"].get("psnr_samples_db")
            return True, f"{psnr:.1f} dB on samples" if psnr is not None else "Trained", ""
        case "publish" if published:
            return True, f"Version {published[0].version}", _since(row, published[0])
        case _:
            return False, "", ""


def _since(row: FamilyProject, newest: OwnFamily) -> str:
    """Return what was trained after the newest publication, or nothing."""
    for made in (row.branch, row.encoder):
        if made is not None and datetime.fromisoformat(made["trained_at"]) > newest.created_at:
            return f"Trained again since version {newest.version}. Publish the next one."
    return ""


# ---- samples -----------------------------------------------------------------------------


def samples(user: User, project_id: UUID, *, which: Which = "all") -> list[FamilySampleOut]:
    """Return samples of a project; at most three queries.

    `predicted` ones come with the most uncertain first, others by number.

    Raises:
        UnknownProjectError: `user` can see no such project.
    """
    project = policies.visible_project(user, project_id)
    found = FamilySample.objects.filter(project=project).select_related("assignee", "saved_by")
    order = ["number"]
    match which:
        case "chosen":
            found = found.filter(is_chosen=True)
        case "labeled":
            found = found.filter(label_map__isnull=False)
        case "predicted":
            found, order = found.filter(rank__isnull=False), ["rank"]
        case _:
            pass
    return _samples_shown(project, list(found.order_by(*order)[:MAX_SAMPLES]))


def sample(user: User, sample_id: UUID) -> FamilySampleOut:
    """Return one sample.

    Raises:
        UnknownSampleError: `user` can see no such sample.
    """
    found = policies.visible_sample(user, sample_id)
    return _samples_shown(found.project, [found])[0]


def _samples_shown(
    project: FamilyProject, found: Sequence[FamilySample]
) -> list[FamilySampleOut]:
    there = presence.here(project.pk)
    people = {user.pk: user for user in User.objects.filter(pk__in=there)} if there else {}
    here: dict[UUID, list[User]] = defaultdict(list)
    for user_id, sample_id in there.items():
        if user_id in people:
            here[sample_id].append(people[user_id])
    foreground = {part.id for part in part_rules.read(project.parts) if not part.is_background}
    return [FamilySampleOut.of(row, here=here[row.pk], foreground=foreground) for row in found]
