"""Which kind of file is this, and what object does it hold?

Told by content, never by name. Each reader returns inert data: dicts, lists, numbers,
`TensorView`s, arrays of plain numbers, and `Record`s for objects of unknown classes.
"""

import io
import lzma
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

from editing.importers import pickles
from editing.importers.errors import (
    LimitError,
    MalformedError,
    ObjectArrayError,
    TensorFlowError,
    TruncatedError,
    UnknownFormatError,
)
from editing.importers.limits import Budget
from editing.importers.pickles import ITEM_BYTES, Unpickler, Window

EXPECTED = "expected a StyleGAN2 pickle (.pkl), a torch file (.pt) or numpy arrays (.npy, .npz)"
LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read(data: memoryview, budget: Budget, *, arrays: bool) -> tuple[str, Any]:
    """Return (format, object) of a whole file in memory.

    `arrays` admits pickles of plain numpy arrays, which generator files never hold. The
    format is "npy", "npz", "torch-zip", "torch-legacy" or "pickle".

    Raises:
        ImportRefusedError: of no known kind, damaged, too large, or not inert.
    """
    start = bytes(data[:16])
    names = pickles.array_names(budget) if arrays else pickles.checkpoint_names(budget)
    if start.startswith(b"\x93NUMPY"):
        return "npy", _npy(data, budget)
    if start.startswith(b"PK\x03\x04"):
        return _zip(data, names, budget)
    if start.startswith(LEGACY_START):
        return "torch-legacy", pickles.load_legacy(Window(data), names, budget)
    if start[:1] == b"\x80" and len(start) > 1 and start[1] in pickles.PROTOCOLS:
        return "pickle", _pickle(data, names, budget)
    raise UnknownFormatError(f"{EXPECTED}, found a file that starts with {start[:8]!r}")


def _pickle(data: memoryview, names: dict[str, pickles.Global], budget: Budget) -> Any:
    window = Window(data)
    result = Unpickler(names, budget).load(window)
    if isinstance(result, tuple) and len(result) == 3:
        raise TensorFlowError(
            "found three networks side by side (G, D, Gs), as TensorFlow StyleGAN writes them; "
            "expected a file of the PyTorch version"
        )
    if window.at != len(data):
        raise MalformedError(f"{len(data) - window.at:,} bytes follow the pickle")
    return result


# -- zip files: torch and npz --------------------------------------------------------------


def _zip(data: memoryview, names: dict[str, pickles.Global], budget: Budget) -> tuple[str, Any]:
    most = budget.limits.storages + 64
    entries = _directory(data, most)
    if len({entry.filename for entry in entries}) != len(entries):
        raise MalformedError("two entries of the zip file have one name")
    heads = [e.filename for e in entries if e.filename.rpartition("/")[2] == "data.pkl"]
    if len(heads) == 1:
        prefix = heads[0][: -len("data.pkl")]
        return "torch-zip", _torch_zip(data, entries, prefix, names, budget)
    if entries and all(e.filename.endswith(".npy") for e in entries):
        return "npz", {e.filename[: -len(".npy")]: _npz_entry(data, e, budget) for e in entries}
    raise UnknownFormatError(f"{EXPECTED}, found a zip file without data.pkl or .npy entries")


def _directory(data: memoryview, most: int) -> list[zipfile.ZipInfo]:
    """Return the entries of the zip file, which must not be more than `most`."""
    # The count stands at the end; the library would first build every entry.
    end = bytes(data[-(1 << 16) - 22 :]).rfind(b"PK\x05\x06")
    if end < 0:
        raise TruncatedError("the zip file has no directory at its end")
    end += max(0, len(data) - (1 << 16) - 22)
    fields = bytes(data[end : end + 22])
    if len(fields) < 22:
        raise TruncatedError("the directory of the zip file is cut off")
    size = struct.unpack("<I", fields[12:16])[0]
    if size == 0xFFFFFFFF:
        # Beyond 4 GiB of directory: no file that is small enough has one.
        raise LimitError("expected a directory below 4 GiB")
    if size > most * 400:
        raise LimitError(f"expected at most {most:,} entries, found a directory of {size:,} B")
    try:
        with zipfile.ZipFile(_Bytes(data)) as archive:
            entries = archive.infolist()
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        OSError,
        ValueError,
        struct.error,
    ) as error:
        raise MalformedError(f"a damaged zip file: {error}") from error
    if len(entries) > most:
        raise LimitError(f"expected at most {most:,} entries, found {len(entries):,}")
    return [entry for entry in entries if not entry.is_dir()]


def _stored(data: memoryview, entry: zipfile.ZipInfo) -> memoryview:
    """Return the bytes of an uncompressed entry, where they lie."""
    start = entry.header_offset
    header = bytes(data[start : start + 30])
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise MalformedError(f"{entry.filename[:80]!r} is not where the directory says")
    name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
    start += 30 + name_bytes + extra_bytes
    piece = data[start : start + entry.file_size]
    if len(piece) != entry.file_size:
        raise TruncatedError(f"{entry.filename[:80]!r} is cut off")
    return piece


def _torch_zip(
    data: memoryview,
    entries: list[zipfile.ZipInfo],
    prefix: str,
    names: dict[str, pickles.Global],
    budget: Budget,
) -> Any:
    grown = [e for e in entries if e.compress_type != zipfile.ZIP_STORED or e.flag_bits & 1]
    if grown:
        largest = max(grown, key=lambda entry: entry.file_size)
        raise LimitError(
            "expected the uncompressed entries that torch writes, found "
            f"{largest.filename[:80]!r} of {largest.compress_size:,} bytes that unpack to "
            f"{largest.file_size:,}"
        )
    by_name = {entry.filename: entry for entry in entries}
    order = by_name.get(f"{prefix}byteorder")
    if order is not None and bytes(_stored(data, order)) != b"little":
        raise MalformedError("expected numbers of a little-endian machine")
    reader = Unpickler(names, budget, by_id=True)
    head = _stored(data, by_name[f"{prefix}data.pkl"])
    result = reader.load(Window(head))
    for key, storage in reader.storages.items():
        if f"{prefix}data/{key}" not in by_name:
            raise TruncatedError(f"the data of storage {key[:50]!r} is missing")
        entry = by_name[f"{prefix}data/{key}"]
        if entry.file_size != storage.count * ITEM_BYTES[storage.dtype]:
            raise MalformedError(
                f"storage {key[:50]!r}: expected {storage.count:,} numbers of "
                f"{storage.dtype}, found {entry.file_size:,} bytes"
            )
        storage.fill(_stored(data, entry))
    return result


def _npz_entry(data: memoryview, entry: zipfile.ZipInfo, budget: Budget) -> np.ndarray:
    most = budget.limits.array_elements * 8 + 4096
    if entry.file_size > most:
        raise LimitError(
            f"{entry.filename[:80]!r} unpacks to {entry.file_size:,} bytes, expected at most "
            f"{most:,}"
        )
    try:
        with zipfile.ZipFile(_Bytes(data)) as archive, archive.open(entry) as file:
            # The size in the directory may lie; what is read is bounded either way.
            content = file.read(most + 1)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        struct.error,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise MalformedError(f"{entry.filename[:80]!r} is damaged: {error}") from error
    if len(content) > most:
        raise LimitError(f"{entry.filename[:80]!r} unpacks to more than {most:,} bytes")
    return _npy(memoryview(content), budget)


def _npy(data: memoryview, budget: Budget) -> np.ndarray:
    """Return the array of an .npy file without ever unpickling."""
    file = io.BytesIO(bytes(data[: 1 << 16]))
    try:
        version = np.lib.format.read_magic(file)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise MalformedError(f"expected .npy version 1 or 2, found {version}")
        shape, is_fortran, dtype = readers[version](file)
    except (ValueError, TypeError, SyntaxError, EOFError, RecursionError) as error:
        raise MalformedError(f"a damaged .npy header: {str(error)[:200]}") from error
    if dtype.hasobject:
        raise ObjectArrayError("found an array of Python objects; expected plain numbers")
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise MalformedError(f"expected an array of numbers, found {dtype}")
    if len(shape) > 8 or not all(0 <= size < pickles.MAX_SIZE for size in shape):
        raise MalformedError(f"expected at most 8 sizes from 0 up, found {str(shape)[:100]}")
    count = 1
    for size in shape:
        count *= size
    budget.spend("array_elements", count)
    content = data[file.tell() :]
    if len(content) < count * dtype.itemsize:
        raise TruncatedError(
            f"expected {count * dtype.itemsize:,} bytes for shape {shape}, "
            f"found {len(content):,}"
        )
    flat = np.frombuffer(content[: count * dtype.itemsize], dtype)
    return flat.reshape(shape, order="F" if is_fortran else "C")


class _Bytes(io.RawIOBase):
    """A seekable file over bytes in memory, without a copy of them."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        if base + offset < 0:
            raise ValueError("before the start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
