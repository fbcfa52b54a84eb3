"""How do an open picture, and those who make a family, hear that a job moved?"""

from typing import Literal
from uuid import UUID

from webapp.common.messages import SocketMessage
from webapp.jobs.contract import Progress


class JobChanged(SocketMessage):
    """A job of this picture, or of this family project, moved.

    A terminal status may arrive twice.
    """

    type: Literal["job"] = "job"
    job_id: UUID
    kind: str
    status: Literal[
        "queued", "leased", "running", "canceling", "succeeded", "failed", "canceled"
    ]
    owner_id: int
    progress: Progress | None = None
    seconds_left: float | None = None
    revision_id: UUID | None = None
    project_id: UUID | None = None
    error_code: str | None = None
    error_detail: str | None = None
