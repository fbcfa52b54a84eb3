"""Runs over albums, over HTTP."""

from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from webapp.accounts import auth
from webapp.albums import selectors, services
from webapp.albums.schemas import RunOut, RunPageOut, RunRequest

router = Router(tags=["albums"])


@router.post("/album-runs", response={202: RunPageOut})
def start_album_run(request: HttpRequest, wish: RunRequest) -> Status[RunPageOut]:
    """Apply a stack to many pictures; each becomes a revision."""
    actor = auth.person(request)
    run = services.start(
        actor=actor,
        team=auth.team(request),
        image_ids=wish.image_ids,
        stack=tuple(wish.stack),
        now=timezone.now(),
    )
    return Status(202, selectors.run(actor, run.pk))


@router.get("/album-runs", response=list[RunOut])
def list_album_runs(request: HttpRequest) -> list[RunOut]:
    """The newest runs of the person's teams."""
    return selectors.runs(auth.person(request))


@router.get("/album-runs/{run_id}", response=RunPageOut)
def get_album_run(request: HttpRequest, run_id: UUID) -> RunPageOut:
    """How it stands with every picture of a run."""
    return selectors.run(auth.person(request), run_id)


@router.post("/album-runs/{run_id}/retry", response={202: RunPageOut})
def retry_album_run(request: HttpRequest, run_id: UUID) -> Status[RunPageOut]:
    """Try once more what failed or was canceled."""
    actor = auth.person(request)
    services.retry(actor=actor, run_id=run_id, now=timezone.now())
    return Status(202, selectors.run(actor, run_id))


@router.post("/album-runs/{run_id}/cancel", response=RunPageOut)
def cancel_album_run(request: HttpRequest, run_id: UUID) -> RunPageOut:
    """Stop what has not begun."""
    actor = auth.person(request)
    services.cancel(actor=actor, run_id=run_id, now=timezone.now())
    return selectors.run(actor, run_id)
