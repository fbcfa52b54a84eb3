"""What runs in the process of its own: read a foreign file, hand back plain tensors.

The file is standard input, the tensors go into the file descriptor that the request names,
and one JSON object per line goes to standard output: progress, and at the end either what
was found or why it was refused. There is no torch here.
"""

import ast
import encodings.cp437
import hashlib
import json
import mmap
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import safetensors.numpy

from editing.importers import containers, layouts
from editing.importers.errors import ImportRefusedError, LimitError, TruncatedError
from editing.importers.isolation import isolate
from editing.importers.limits import Budget, Limits
from editing.importers.pickles import PlainArray, TensorView

# Read on demand by the libraries, when no file can be opened any more.
_LOADED_AHEAD = (ast, encodings.cp437)
CHUNK = 16 << 20
MAX_NESTING = 6

Progress = Callable[[str, int, int], None]


def main() -> None:
    """Read the request from the last argument, the file from standard input."""
    request = json.loads(sys.argv[-1])
    limits = Limits(**request["limits"])
    size = os.fstat(0).st_size
    isolation = isolate(limits, size)
    try:
        with os.fdopen(request["out"], "wb") as out:
            manifest, tensors = read(_mapped(size), request["want"], limits, _progress)
            out.write(safetensors.numpy.save(tensors))
        _say({"done": manifest | {"isolation": isolation, "num_bytes": size}})
    except ImportRefusedError as error:
        _say({"refused": error.code, "message": str(error)[:2000]})
    except MemoryError:
        _say({"refused": LimitError.code, "message": _memory_message(limits)})


def read(
    data: memoryview, want: str, limits: Limits, on_progress: Progress
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return (manifest, tensors) of a file's bytes.

    `want` is "generator" or "arrays".

    Raises:
        ImportRefusedError: it cannot or must not be read.
    """
    budget = Budget(limits)
    sha256 = _hashed(data, on_progress)
    on_progress("understand", 0, 1)
    kind, root = containers.read(data, budget, arrays=want == "arrays")
    on_progress("understand", 1, 1)
    about = {"sha256": sha256, "format": kind}
    if want == "generator":
        found = layouts.find_generator(root, budget)
        checked = layouts.check(found, lambda done, total: on_progress("read", done, total))
        return about | {
            "layout": found.layout,
            "config": checked.config,
            "widths": checked.widths,
            "has_w_avg": checked.has_w_avg,
            "notes": list(checked.notes),
            "ignored": found.ignored[:50],
            "classes": found.classes,
        }, checked.tensors
    return _arrays(root, about, budget)


def _arrays(
    root: Any, about: dict[str, Any], budget: Budget
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    listed: list[dict[str, Any]] = []
    tensors: dict[str, np.ndarray] = {}
    ignored: list[str] = []
    for name, value in _flat(root, "", MAX_NESTING, budget):
        if isinstance(value, TensorView):
            budget.spend("array_elements", int(np.prod(value.shape, dtype=object)))
        array = value.array() if isinstance(value, TensorView) else value
        if array.dtype.kind != "f" or array.ndim == 0 or array.size == 0:
            ignored.append(name)
            continue
        layouts.finite(name or "the array", array)
        listed.append(
            {
                "name": name,
                "shape": list(array.shape),
                "dtype": array.dtype.name,
                "norm": float(np.linalg.norm(array.astype(np.float64).ravel())),
            }
        )
        if len(listed) > budget.limits.storages:
            raise LimitError(f"expected at most {budget.limits.storages:,} arrays, found more")
        plain = np.ascontiguousarray(array, dtype=np.float32)
        tensors[str(len(listed) - 1)] = plain
    return about | {"arrays": listed, "ignored": ignored[:50]}, tensors


def _flat(
    value: Any, name: str, depth: int, budget: Budget
) -> Iterator[tuple[str, TensorView | np.ndarray]]:
    """Yield every array with the keys that lead to it, joined by slashes."""
    # One list may be held in many places, so that walking costs more than reading did.
    budget.spend("opcodes")
    if isinstance(value, PlainArray):
        value = value.values
    if isinstance(value, TensorView | np.ndarray):
        yield name, value
    elif depth and isinstance(value, dict | list | tuple):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            yield from _flat(item, f"{name}/{key}".lstrip("/")[:200], depth - 1, budget)


def _mapped(size: int) -> memoryview:
    if not size:
        raise TruncatedError("the file is empty")
    try:
        return memoryview(mmap.mmap(0, size, access=mmap.ACCESS_READ))
    except OSError as error:
        raise MemoryError(str(error)) from error


def _hashed(data: memoryview, on_progress: Progress) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(data), CHUNK):
        digest.update(data[start : start + CHUNK])
        on_progress("hash", min(start + CHUNK, len(data)), len(data))
    return digest.hexdigest()


def _memory_message(limits: Limits) -> str:
    return f"expected to need at most {limits.memory_bytes >> 20:,} MiB, the file asks for more"


def _progress(stage: str, done: int, total: int) -> None:
    _say({"progress": [stage, done, total]})


def _say(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")
