"""How is a foreign file read without being trusted? In a process that can do nothing else.

The child gets the open file as its standard input and an empty file for the tensors, an
empty environment and an interpreter in isolated mode. It is ended when its time is over,
when the caller's progress callback raises, or when it says more than it should. What comes
back is checked again here: JSON of a known form, and a safetensors file.
"""

import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file
from torch import Tensor

from editing.importers.errors import (
    LimitError,
    TimeoutRefusedError,
    UnreadableError,
    by_code,
)
from editing.importers.limits import Limits

Want = Literal["generator", "arrays"]
Progress = Callable[[str, int, int], None]

MAX_OUTPUT = 4 << 20
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from editing.importers.child import main; main()"
)
# One thread: the reader does no algebra, and each thread would map its own buffers.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Apart:
    """What the child found: `manifest` in plain JSON, and tensors by name."""

    manifest: dict[str, Any]
    tensors: dict[str, Tensor]


def read_apart(
    path: Path,
    *,
    want: Want,
    limits: Limits | None = None,
    on_progress: Progress | None = None,
    scratch: Path | None = None,
) -> Apart:
    """Return what a foreign file holds, read by a process of its own.

    What the child writes lies in a temporary folder, below `scratch` if given, until it is
    loaded. `on_progress` is called with (stage, done, total); raising there ends the child.

    Raises:
        UnreadableError: no such file, or not a plain one.
        LimitError: it is too large, or needs too much memory.
        TimeoutRefusedError: reading took too long.
        ImportRefusedError: whatever the child refused, as the class of its code.
        RuntimeError: the child failed in another way, which is a fault of ours.
    """
    limits = limits or Limits()
    with (
        tempfile.TemporaryDirectory(prefix=".import-", dir=scratch) as folder,
        _opened(path) as source,
    ):
        size = os.fstat(source).st_size
        if size > limits.file_bytes:
            raise LimitError(f"expected at most {limits.file_bytes:,} bytes, found {size:,}")
        tensors, complaints = Path(folder, "tensors.safetensors"), Path(folder, "errors.txt")
        with tensors.open("wb") as out, complaints.open("wb") as errors:
            request = {"want": want, "limits": limits.to_json(), "out": out.fileno()}
            root = Path(__file__).resolve().parents[2]
            child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-I", "-c", _START, str(root), json.dumps(request)],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=_ENVIRONMENT,
                pass_fds=(out.fileno(),),
                start_new_session=True,
            )
            try:
                said = _last_word(child, limits, on_progress)
            finally:
                child.kill()
                child.wait()
                if child.stdout:
                    child.stdout.close()
        if "refused" in said:
            raise by_code(said["refused"])(said["message"])
        if "done" not in said:
            _explain(child.returncode, limits, complaints)
        return Apart(said["done"], load_file(tensors))


class _opened:  # noqa: N801  # reads like the function it replaces
    """The file descriptor of a plain file, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> int:
        try:
            # Without blocking, because a pipe with nobody at its other end would.
            self.descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise UnreadableError(f"{self.path} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
            os.close(self.descriptor)
            raise UnreadableError(f"expected a file, found something else at {self.path}")
        return self.descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def _last_word(
    child: "subprocess.Popen[bytes]", limits: Limits, on_progress: Progress | None
) -> dict[str, Any]:
    """Return the last message of the child, after its end; pass the others on."""
    last: dict[str, Any] = {}
    for line in _lines(child, limits):
        message = json.loads(line)
        if "progress" not in message:
            last = message
        elif on_progress is not None:
            stage, done, total = message["progress"]
            on_progress(str(stage), int(done), int(total))
    return last


def _lines(child: "subprocess.Popen[bytes]", limits: Limits) -> Iterator[bytes]:
    assert child.stdout is not None
    deadline = time.monotonic() + limits.wall_seconds
    pending, total = b"", 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutRefusedError(f"reading took longer than {limits.wall_seconds:g} s")
            piece = os.read(child.stdout.fileno(), 1 << 16)
            if not piece:
                break
            total += len(piece)
            if total > MAX_OUTPUT:
                raise LimitError("the reading process said more than it should")
            *whole, pending = (pending + piece).split(b"\n")
            yield from whole
    try:
        child.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise TimeoutRefusedError(
            f"reading took longer than {limits.wall_seconds:g} s"
        ) from error


def _explain(returncode: int, limits: Limits, complaints: Path) -> None:
    """Raise what the end of a silent child means."""
    if returncode == -signal.SIGXCPU:
        raise TimeoutRefusedError(f"expected at most {limits.cpu_seconds} s of computing")
    if returncode == -signal.SIGXFSZ:
        raise LimitError("the tensors of the file are larger than they may be")
    if returncode in (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGBUS):
        name = signal.Signals(-returncode).name
        raise LimitError(f"reading ended with {name}, as it does when memory runs out")
    tail = complaints.read_bytes()[-2000:].decode(errors="replace")
    raise RuntimeError(f"the reading process failed ({returncode}): {tail}")
