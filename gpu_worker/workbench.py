"""What does a runner have at hand while it works on one job?

The claimed job, the device, the bundle, and ways to read and keep bytes, show frames and
say how far it is. Between two steps the workbench looks whether the job is still wanted:
a cancel, a lost lease or a stopping worker ends the work there, by an exception that closes
the runner's generator.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import torch
from django.db import DatabaseError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from editing import images
from editing.bundle import Bundle
from editing.vectors import EditVector
from gpu_worker import frames
from gpu_worker.bundles import Bundles
from gpu_worker.device import Device, Urgency
from gpu_worker.refusals import RefusedJobError
from webapp.common.frames import Frame
from webapp.jobs import worker
from webapp.jobs.contract import Picture, Progress, VectorUse
from webapp.jobs.worker import ClaimedJob, OffsetRecord

log = logging.getLogger(__name__)

T = TypeVar("T")
NO_REVISION = UUID(int=0)


class CanceledError(Exception):
    """Somebody wants this job stopped."""


class StoppingError(Exception):
    """This worker is about to end; another will take the job up again."""


class GivingWayError(StoppingError):
    """The job has had its slice and somebody else waits; it goes on after them."""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Workbench:
    """Everything a runner may use; made anew for every claimed job."""

    job: ClaimedJob
    urgency: Urgency
    device: Device
    bundles: Bundles
    lease_seconds: float
    frame_seconds: float
    is_stopping: Callable[[], bool]
    workshop: Path
    families: Path
    slice_seconds: float
    checkpoint_seconds: float
    _began_at: float = field(default_factory=time.monotonic, init=False)
    _framed_at: float = field(default=float("-inf"), init=False)

    # ---- the device --------------------------------------------------------------------

    def on_device(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, run on the device's thread when its turn comes."""
        return self.device.run(work, urgency=self.urgency)

    def bundle(self, name: str) -> Bundle:
        """Return a warm bundle."""
        return self.on_device(lambda: self.bundles.get(name))

    def steps(self, iterator: Iterator[T]) -> Iterator[T]:
        """Yield the steps of a generator of `editing`, each computed as one unit.

        Raises:
            CanceledError, StoppingError: between two steps; the generator is closed.
            LostLeaseError: another worker has the job.
        """
        try:
            while True:
                self.look_up()
                step = self.on_device(lambda: next(iterator, None))
                if step is None:
                    return
                yield step
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    def look_up(self) -> None:
        """Return if the job is still wanted and still ours, else raise; see `steps`."""
        if self.is_stopping():
            raise StoppingError
        try:
            canceled = worker.is_cancel_requested(self.job, now=now())
        except DatabaseError as error:
            log.warning("job %s goes on without its row: %s", self.job.id, error)
            return  # an unreadable database does not stop work that is under way
        if canceled:
            raise CanceledError

    def give_way(self) -> None:
        """Return unless the job has had its slice of time and somebody else's waits.

        For work that goes on from a checkpoint: it takes its place in the lane again.

        Raises:
            GivingWayError: now and then, and only to somebody.
        """
        if time.monotonic() - self._began_at < self.slice_seconds:
            return
        self._began_at = time.monotonic()
        try:
            others_wait = worker.others_wait(self.job)
        except DatabaseError as error:
            log.warning("job %s goes on without its row: %s", self.job.id, error)
            return
        if others_wait:
            raise GivingWayError

    # ---- telling -----------------------------------------------------------------------

    def report(self, progress: Progress) -> None:
        """Say how far the job is, which also renews its lease.

        Raises:
            LostLeaseError: another worker has the job.
        """
        try:
            worker.advance(self.job, progress, now=now(), lease_seconds=self.lease_seconds)
        except DatabaseError as error:
            log.warning("job %s goes on without its row: %s", self.job.id, error)

    def show(self, image: Tensor, *, step: int, is_last: bool = False) -> None:
        """Make a picture (1, 3, R, R) the newest frame of this job, unless one just was."""
        at = time.monotonic()
        if not is_last and at - self._framed_at < self.frame_seconds:
            return
        self._framed_at = at
        form, data = frames.encode_frame(image)
        base = getattr(self.job.request, "base_revision_id", NO_REVISION)
        worker.put_frame(
            Frame(
                stream=self.job.id,
                epoch=self.job.token,
                seq=step + 1,
                step=step,
                base_revision_id=base,
                format=form,
                picture=data,
            )
        )

    # ---- reading, checked a second time ------------------------------------------------

    def read_code(self, digest: str, bundle: Bundle) -> Tensor:
        """Return a stored code (1, L, w_dim), finite and of the bundle's shape.

        Raises:
            RefusedJobError: it is not such a code.
        """
        return read_code(digest, bundle)

    def read_stack(
        self, stack: tuple[VectorUse, ...], bundle: Bundle
    ) -> list[tuple[EditVector, float]]:
        """Return the edit vectors of a stack with their strengths, checked.

        Raises:
            RefusedJobError: one was made with another generator.
        """
        return [
            (read_vector(use.edit_vector_version_id, bundle), use.strength) for use in stack
        ]

    # ---- keeping -----------------------------------------------------------------------

    def keep_png(self, data: bytes) -> str:
        return worker.put_artifact(data, "image/png")

    def keep_picture(
        self, w_plus: Tensor, image: Tensor, labels: Tensor, bundle: Bundle
    ) -> Picture:
        """Keep a code (1, L, w_dim) with its picture and label map; return their names."""
        code = {"w_plus": w_plus[0].detach().float().cpu().contiguous().clone()}
        palette = bundle.schema.palette()
        w_plus_name, picture, label_map, thumbnail = worker.put_artifacts(
            [
                (save_tensors(code), "application/octet-stream"),
                (images.to_png_bytes(image), "image/png"),
                (images.labels_to_png(labels, palette), "image/png"),
                (frames.thumbnail(image), "image/webp"),
            ]
        )
        return Picture(
            w_plus=w_plus_name, picture=picture, label_map=label_map, thumbnail=thumbnail
        )


def read_code(digest: str, bundle: Bundle) -> Tensor:
    """Return a stored code (1, L, w_dim) on the bundle's device; see `Workbench.read_code`."""
    try:
        code = load_tensors(worker.read_artifact(digest))["w_plus"]
    except (SafetensorError, KeyError) as error:
        raise RefusedJobError(
            "job.unreadable_code", "The stored code cannot be read."
        ) from error
    if tuple(code.shape) != (bundle.num_layers, bundle.w_dim):
        raise RefusedJobError(
            "job.other_family", "This picture belongs to another family's generator."
        )
    if code.dtype != torch.float32 or not bool(torch.isfinite(code).all()):
        raise RefusedJobError("tensor.not_finite", "The stored code is not finite.")
    return code[None].to(bundle.device)


def read_vector(version_id: UUID, bundle: Bundle) -> EditVector:
    """Return a stored edit vector that was made with this bundle's generator.

    Raises:
        RefusedJobError: it was made with another, or its bytes do not fit its shape.
    """
    return vector_of(worker.read_offset(version_id), bundle)


def vector_of(record: OffsetRecord, bundle: Bundle) -> EditVector:
    """Return the edit vector of a record; raises as `read_vector`."""
    shape = (bundle.num_layers, bundle.w_dim)
    if record.fingerprint != bundle.fingerprint or tuple(record.shape) != shape:
        raise RefusedJobError(
            "library.other_family",
            f"This vector was made for another family and cannot be used on {bundle.family}.",
        )
    if len(record.offset) != 4 * shape[0] * shape[1]:
        raise RefusedJobError("shape.mismatch", "The stored vector is incomplete.")
    if not all(0 <= part < bundle.num_parts for part in record.parts):
        raise RefusedJobError("labels.unknown_part", "The vector names an unknown part.")
    offset = torch.frombuffer(bytearray(record.offset), dtype=torch.float32).reshape(shape)
    return EditVector(offset=offset.to(bundle.device), parts=frozenset(record.parts))
