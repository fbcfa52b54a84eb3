"""How does one job at a time work in the folder of a family project?

The folder outlives jobs and workers: checkpoints in it let the next job go on. A lock of the
file system keeps a worker that lost its job, and does not know yet, from writing beside the
one that has it now; the kernel gives it back when a process dies. While a step takes long,
the lease is renewed from beside it.
"""

import contextlib
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.db import DatabaseError

from editing.own_family import project as projects
from gpu_worker.workbench import Workbench, now
from webapp.jobs import worker
from webapp.jobs.contract import Progress
from webapp.jobs.worker import LostLeaseError

WAIT_SECONDS = 1.0


@contextlib.contextmanager
def opened(bench: Workbench, project_id: UUID, *, title: str = "") -> Iterator[Path]:
    """Give the project's folder, which no other process works in until the end.

    A new project's folder is made.

    Raises:
        CanceledError, StoppingError, LostLeaseError: while another process still works there.
    """
    folder = bench.workshop / project_id.hex
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock, _kept_alive(bench):
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                say = "Waiting for another process to leave the project."
                bench.report(Progress(step=0, num_steps=1000, sentence=say))
                bench.look_up()
                time.sleep(WAIT_SECONDS)
        if not (folder / "family.json").exists():
            name = f"p-{project_id.hex[-12:]}"
            projects.create(folder, name=name, title=title or name)
        projects.clear_drafts(folder)  # of a process that was killed
        yield folder


@contextlib.contextmanager
def _kept_alive(bench: Workbench) -> Iterator[None]:
    """Renew the job's lease from a thread of its own, until the end or until it is lost."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(bench.lease_seconds / 3):
            try:
                worker.renew(bench.job, now=now(), lease_seconds=bench.lease_seconds)
            except LostLeaseError:
                return  # the next look at the row says so, too
            except DatabaseError:
                continue  # away for a while; the lease may outlast it

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def show_sheet(folder: Path, sheet: Path) -> None:
    """Make a PNG the sheet that the project's page shows; who reads it never sees half."""
    fresh = folder / f".sheet.{os.getpid()}.partial"
    shutil.copyfile(sheet, fresh)
    fresh.replace(folder / "sheet.png")
