"""What does a finished job mean for a family in the making?

Each is called in the transaction that ends its job.
"""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import numpy as np

from webapp.accounts import audit
from webapp.common import artifacts
from webapp.families.models import OwnFamily
from webapp.images import services as images
from webapp.jobs import registry
from webapp.jobs import services as jobs
from webapp.jobs.contract import (
    BranchTrained,
    BringGenerator,
    Brought,
    EncoderTrained,
    JobResult,
    PublishedFamily,
    PublishFamily,
    Sampled,
    TrainBranch,
    Tried,
    TryUpload,
)
from webapp.jobs.models import Job
from webapp.jobs.registry import JobError
from webapp.workshop import label_maps, parts, policies, uploads
from webapp.workshop.labels import announce
from webapp.workshop.models import FamilyProject, FamilySample, FamilyTry, FamilyUpload
from webapp.workshop.parts import UNLABELED

MAX_SKIPPED = 50  # that are named one by one


def register() -> None:
    """Tell jobs what to do with our kinds; called once at start-up."""
    for kind, handler in (
        ("bring", brought),
        ("sample_family", sampled),
        ("train_branch", branch_trained),
        ("train_encoder", encoder_trained),
        ("try_upload", tried),
        ("publish_family", published),
    ):
        registry.register(kind, on_success=handler, on_failure=not_done)


def _locked(job: Job) -> FamilyProject:
    assert job.project_id is not None, "jobs of projects name theirs"
    return policies.locked(job.project_id)


def _request(job: Job) -> Any:
    return jobs.REQUESTS.validate_python(job.request, strict=False)


def not_done(*, job: Job, error: JobError, now: datetime) -> None:
    """Tell the team, which reads the reason from the job."""
    if job.project_id is not None:
        for project in FamilyProject.objects.live().filter(pk=job.project_id):
            announce(project)


def brought(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Keep what the generator is, and forget the file it came from."""
    assert isinstance(result, Brought)
    request = cast(BringGenerator, _request(job))
    project = _locked(job)
    facts = result.model_dump(mode="json", exclude={"kind"})
    facts["skipped"] = facts["skipped"][:MAX_SKIPPED]
    project.generator = {**facts, "file_name": request.file_name}
    project.save()
    for upload in FamilyUpload.objects.filter(project=project):
        uploads.drop_row(upload)
    announce(project)
    return None


def sampled(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Make the samples rows; those proposed are chosen for labelling."""
    assert isinstance(result, Sampled)
    project = _locked(job)
    FamilySample.objects.filter(project=project).delete()
    FamilySample.objects.bulk_create(
        FamilySample(
            project=project,
            number=each.number,
            picture_id=each.picture,
            thumbnail_id=each.thumbnail,
            place=each.place,
            reason=each.reason[:300],
            is_chosen=each.place is not None,
            created_at=now,
        )
        for each in result.pictures
    )
    project.save()
    announce(project)
    return None


def branch_trained(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Keep the figures, and lay the predictions beside the samples."""
    assert isinstance(result, BranchTrained)
    request = cast(TrainBranch, _request(job))
    project = _locked(job)
    project.branch = {
        "trained_at": now.isoformat(),
        "num_labels": len(request.labels),
        "figures": result.figures,
        "explanation": result.explanation,
        "schema_version": request.schema_version,
        "labels_version": request.labels_version,
    }
    project.save()
    gone = {part.id for part in request.parts} - {part.id for part in parts.read(project.parts)}
    samples = {row.number: row for row in FamilySample.objects.filter(project=project)}
    for row in samples.values():
        row.prediction_id = row.doubt_id = row.uncertainty = row.rank = None
        row.remark = ""
    for rank, each in enumerate(result.predictions, start=1):
        found = samples.get(each.number)
        if found is not None:
            found.prediction_id = _without(each.label_map, gone, project=project)
            found.doubt_id, found.uncertainty = each.doubt, each.uncertainty
            found.rank, found.remark = rank, each.sentence[:300]
    FamilySample.objects.bulk_update(
        samples.values(), ["prediction", "doubt", "uncertainty", "rank", "remark"]
    )
    announce(project)
    return None


def _without(digest: str, gone: set[int], *, project: FamilyProject) -> str:
    """Return a predicted label map in which parts that are gone by now are unlabelled."""
    if not gone:
        return digest
    labels = label_maps.load(artifacts.read(digest))
    labels[np.isin(labels, list(gone))] = UNLABELED
    data = label_maps.write(labels, parts=parts.read(project.parts))
    return artifacts.put(data, content_type="image/png")


def encoder_trained(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Keep the figures and reconstructions."""
    assert isinstance(result, EncoderTrained)
    project = _locked(job)
    facts = result.model_dump(mode="json", exclude={"kind"})
    project.encoder = {**facts, "trained_at": now.isoformat()}
    project.save()
    announce(project)
    return None


def tried(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Answer the try."""
    assert isinstance(result, Tried)
    request = cast(TryUpload, _request(job))
    project = _locked(job)
    FamilyTry.objects.filter(pk=request.try_id, project=project).update(
        reconstruction_id=result.reconstruction,
        label_map_id=result.label_map,
        error=result.error,
        psnr_db=result.psnr_db,
        remark=result.sentence[:300],
    )
    announce(project)
    return None


def published(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Offer the family to its team, and begin its gallery with a few pictures of it."""
    assert isinstance(result, PublishedFamily)
    request = cast(PublishFamily, _request(job))
    project = _locked(job)
    assert project.generator is not None
    OwnFamily.objects.create(
        team=project.team,
        made_by=job.owner,
        project_id=project.pk,
        bundle=result.bundle,
        family=request.family,
        version=request.version,
        title=request.title,
        card={
            **result.card,
            "description": request.description,
            "license": request.license,
            "source": project.generator["source"],
            "num_labels": project.branch["num_labels"] if project.branch else None,
            "figures": result.figures,
            "samples": [picture.picture for picture in result.samples],
            "reconstructions": (project.encoder or {}).get("reconstructions", [])[:8],
        },
        created_at=now,
    )
    for number, picture in enumerate(result.samples, start=1):
        images.add_sample(
            owner=job.owner, team=project.team, name=f"{request.title} {number}",
            bundle=result.bundle, picture=picture, now=now,
        )  # fmt: skip
    audit.record(
        team=project.team, actor=job.owner, action="families.published", target=project.pk,
        title=request.title, after=result.bundle,
    )  # fmt: skip
    announce(project)
    return None
