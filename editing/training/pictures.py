"""Which pictures does training see when nobody can draw them? A folder's, or a zip's.

Every picture is turned upright, made RGB and square at the training size, and appended to
one flat file of bytes in the run folder, which training maps into memory. What cannot be
used is listed with its reason and left out. Reading may stop at any picture and goes on
there. A zip is never unpacked: its entries are read one by one, within limits, and an
archive that was made to do harm is refused by the name of the entry.

Shapes: N pictures, S their side.
"""

import hashlib
import io
import json
import stat
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from editing.errors import EditingError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".jp2"}
)
FEW = 1_000
LEAST = 16
MAX_PICTURE_PIXELS = 100_000_000
MAX_PICTURE_BYTES = 256 << 20
MAX_ENTRIES = 2_000_000
MAX_ARCHIVE_BYTES = 1 << 40
# Deflate cannot do better than 1032; pictures, compressed already, hardly exceed 1.
MAX_RATIO = 200.0

Fit = Literal["crop", "letterbox"]


class PicturesError(EditingError):
    """A folder or zip holds no pictures that training can use."""

    code = "pictures.unusable"


class UnsafeArchiveError(PicturesError):
    """A zip holds an entry that points outside of it or would grow beyond all limits."""

    code = "pictures.unsafe_archive"


class StalePicturesError(PicturesError):
    """The run folder holds other pictures than those asked for."""

    code = "pictures.stale"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading found: pictures used, those left out, and what a person should know."""

    num_used: int
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """How far reading is."""

    num_done: int
    num_total: int
    num_skipped: int


@dataclass(frozen=True, slots=True)
class PicturePlan:
    """Which pictures, at which side, cut to their centre square or padded to a square."""

    source: Path
    size: int
    fit: Fit = "crop"


class Pictures:
    """Pictures on disk as uint8 (N, 3, S, S), the last of a shuffled order held out."""

    def __init__(self, folder: Path, *, device: torch.device | str = "cpu") -> None:
        """Map the pictures that `read_pictures` left in `folder`.

        Raises:
            PicturesError: reading has not finished there.
        """
        report = folder / "report.json"
        if not report.exists():
            raise PicturesError(f"no pictures have been read into {folder} yet")
        about = json.loads(report.read_text(encoding="utf-8"))
        self.size: int = about["size"]
        shape = (about["num_used"], 3, self.size, self.size)
        # Copy-on-write: nobody writes, but torch insists on memory that could be written.
        mapped = np.memmap(folder / "pictures.bin", dtype=np.uint8, mode="c", shape=shape)
        self.device = torch.device(device)
        self._pixels = torch.from_numpy(mapped)
        if self.device.type == "cuda" and self._pixels.numel() < 8 << 30:
            self._pixels = self._pixels.to(self.device)
        self._order = torch.randperm(len(mapped), generator=torch.Generator().manual_seed(5))

    def __len__(self) -> int:
        return len(self._order)

    @property
    def num_train(self) -> int:
        """Return how many pictures may be trained on."""
        return len(self) - max(1, min(256, len(self) // 10))

    @property
    def held_out(self) -> Tensor:
        """Return the rows that no stage trains on."""
        return torch.arange(self.num_train, len(self))

    def batch(self, rows: Tensor) -> Tensor:
        """Return the pictures (len(rows), 3, S, S) in [-1, 1] on the device."""
        at = self._order[rows].to(self._pixels.device)
        return self._pixels[at].to(self.device).float().div_(127.5).sub_(1)


def read_pictures(plan: PicturePlan, folder: Path) -> Iterator[ReadProgress]:
    """Read the pictures of `plan` into `folder`; yield after each; go on where it stopped.

    `reading` returns the outcome. A folder read completely is not read again, even if the
    source is gone.

    Raises:
        PicturesError: the source is neither folder nor zip, or holds too few pictures.
        UnsafeArchiveError: the zip is not safe to read; nothing of it was read.
        StalePicturesError: `folder` holds the pictures of another source or size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "report.json").exists():
        _check_same(plan, folder, None)
        return
    source = _open_source(plan.source)
    try:
        _check_same(plan, folder, source.names)
        yield from _read(plan, folder, source)
    finally:
        source.close()


def reading(folder: Path) -> Reading:
    """Return what reading found.

    Raises:
        PicturesError: reading has not finished in `folder`.
    """
    path = folder / "report.json"
    if not path.exists():
        raise PicturesError(f"no pictures have been read into {folder} yet")
    data = json.loads(path.read_text(encoding="utf-8"))
    return Reading(
        num_used=data["num_used"],
        skipped=tuple(Skipped(**each) for each in data["skipped"]),
        warnings=tuple(data["warnings"]),
    )


def _read(plan: PicturePlan, folder: Path, source: "_Source") -> Iterator[ReadProgress]:
    index = _Index(folder, plan.size)
    with index:
        for name in source.names[index.num_done :]:
            try:
                data = source.read(name)
                digest = hashlib.sha256(data).hexdigest()
                if digest in index.seen:
                    raise _UnusableError(f"the same picture as {index.seen[digest]}")
                pixels, was_small = _square(data, plan)
            except _UnusableError as error:
                index.skip(name, str(error))
            else:
                index.keep(name, pixels, digest, was_small=was_small)
            yield ReadProgress(index.num_done, len(source.names), len(index.skipped))
    if index.num_used < LEAST:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in index.skipped[:5])
        raise PicturesError(
            f"{plan.source.name} holds {index.num_used} pictures that can be used, at least "
            f"{LEAST} are needed, better thousands" + (f" ({reasons})." if reasons else ".")
        )
    notes = []
    if index.num_used < FEW:
        notes.append(
            f"Only {index.num_used} pictures: below {FEW} the generator repeats what it has "
            "seen and draws little that is new. Add pictures if you can."
        )
    if index.num_small:
        notes.append(
            f"Smaller than {plan.size} px and enlarged: {index.num_small} of the pictures. "
            "They stay soft. Train at a smaller size, or take them out."
        )
    if index.skipped:
        notes.append(
            f"Left out: {len(index.skipped)} of the files, each listed with its reason."
        )
    report = {
        "num_used": index.num_used,
        "size": plan.size,
        "fit": plan.fit,
        "warnings": notes,
        "skipped": [{"name": each.name, "reason": each.reason} for each in index.skipped],
    }
    partial = folder / "report.partial"
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "report.json")


class _Index:
    """What has been read so far: one line a picture, written after its pixels."""

    def __init__(self, folder: Path, size: int) -> None:
        self._lines = folder / "index.jsonl"
        self._bytes = folder / "pictures.bin"
        self._stride = 3 * size * size
        self.num_used = self.num_done = self.num_small = 0
        self.skipped: list[Skipped] = []
        self.seen: dict[str, str] = {}
        self._recover()

    def _recover(self) -> None:
        """Take up the lines of an interrupted reading and drop what they do not cover."""
        self._lines.touch()
        self._bytes.touch()
        whole = 0
        for raw in self._lines.read_bytes().splitlines(keepends=True):
            if not raw.endswith(b"\n"):
                break
            self._count(**json.loads(raw))
            whole += len(raw)
        with self._lines.open("r+b") as lines, self._bytes.open("r+b") as pixels:
            lines.truncate(whole)
            pixels.truncate(self.num_used * self._stride)

    def __enter__(self) -> "_Index":
        self._line_file = self._lines.open("ab")
        self._pixel_file = self._bytes.open("ab")
        return self

    def __exit__(self, *rest: object) -> None:
        self._line_file.close()
        self._pixel_file.close()

    def keep(self, name: str, pixels: np.ndarray, digest: str, *, was_small: bool) -> None:
        """Append a picture, uint8 (3, S, S)."""
        self._pixel_file.write(pixels.tobytes())
        self._pixel_file.flush()
        self._note(name=name, digest=digest, was_small=was_small)

    def skip(self, name: str, reason: str) -> None:
        """Note a picture that cannot be used."""
        self._note(name=name, reason=reason)

    def _note(self, **line: str | bool) -> None:
        self._line_file.write(json.dumps(line).encode() + b"\n")
        self._line_file.flush()
        self._count(**line)

    def _count(
        self,
        *,
        name: str,
        reason: str | None = None,
        digest: str = "",
        was_small: bool = False,
    ) -> None:
        self.num_done += 1
        if reason is not None:
            self.skipped.append(Skipped(name, reason))
            return
        self.num_used += 1
        self.num_small += was_small
        self.seen[digest] = name


class _UnusableError(Exception):
    """One picture cannot be used; the message says why."""


def _square(data: bytes, plan: PicturePlan) -> tuple[np.ndarray, bool]:
    """Return uint8 (3, S, S) of a picture's bytes, and whether it had to be enlarged."""
    try:
        with warnings.catch_warnings():
            # Damaged metadata and very large sizes only warn; both are handled here.
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data))
            if picture.width * picture.height > MAX_PICTURE_PIXELS:
                raise _UnusableError(f"{picture.width} x {picture.height} pixels are too many")
            was_small = min(picture.size) < plan.size
            picture.draft("RGB", (2 * plan.size, 2 * plan.size))
            upright = ImageOps.exif_transpose(picture)
            rgb = _to_rgb(upright)
    except _UnusableError:
        raise
    except Image.DecompressionBombError:
        raise _UnusableError("far too many pixels") from None
    except UnidentifiedImageError:
        raise _UnusableError("not a picture that can be read") from None
    except Exception as error:  # decoders raise whatever they stumble over
        raise _UnusableError(f"damaged: {error}") from None
    size = (plan.size, plan.size)
    if plan.fit == "crop":
        square = ImageOps.fit(rgb, size, method=Image.Resampling.LANCZOS)
    else:
        square = ImageOps.pad(rgb, size, method=Image.Resampling.LANCZOS, color=(0, 0, 0))
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1)), was_small


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Return the picture as RGB: 16 bits scaled, CMYK converted, transparency on white."""
    if picture.mode.startswith("I"):
        scaled = np.asarray(picture).astype(np.float64) / 257.0
        return Image.fromarray(scaled.clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")


@dataclass
class _Source:
    """Names of pictures, in a fixed order, and how to read one."""

    names: list[str]
    root: Path | None = None
    archive: zipfile.ZipFile | None = None
    _sizes: dict[str, int] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """Return the bytes of one picture, or raise `_UnusableError`."""
        try:
            if self.archive is None:
                assert self.root is not None
                with (self.root / name).open("rb") as file:
                    return self._limited(file)
            with self.archive.open(name) as entry:
                return self._limited(entry)
        except (OSError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
            raise _UnusableError(f"cannot be read: {error}") from None
        except Exception as error:  # zlib and friends have errors of their own
            raise _UnusableError(f"damaged in the archive: {error}") from None

    @staticmethod
    def _limited(file: BinaryIO) -> bytes:
        data = file.read(MAX_PICTURE_BYTES + 1)
        if len(data) > MAX_PICTURE_BYTES:
            raise OSError(f"larger than {MAX_PICTURE_BYTES >> 20} MiB")
        return data

    def close(self) -> None:
        """Close the archive, if there is one."""
        if self.archive is not None:
            self.archive.close()


def _open_source(path: Path) -> _Source:
    """Return the pictures of a folder or zip, checked.

    Raises:
        PicturesError: it is neither, or holds none.
        UnsafeArchiveError: the zip is not safe to read.
    """
    if path.is_dir():
        found = (each.relative_to(path) for each in sorted(path.rglob("*")) if each.is_file())
        source = _Source([each.as_posix() for each in found if _is_picture(each)], root=path)
    elif not path.exists():
        raise PicturesError(f"there is nothing at {path}: name a folder of pictures or a zip")
    elif not zipfile.is_zipfile(path):
        raise PicturesError(
            f"{path.name} is neither a folder nor a zip of pictures: pack PNG and JPEG files "
            "into a zip."
        )
    else:
        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise PicturesError(
                f"{path.name} is a damaged zip ({error}): pack it again."
            ) from error
        try:
            source = _Source(_safe_names(path, archive), archive=archive)
        except UnsafeArchiveError:
            archive.close()
            raise
    if not source.names:
        source.close()
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise PicturesError(f"{path.name} holds no pictures; these are read: {kinds}.")
    return source


def _is_picture(name: Path | PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in SUFFIXES and not hidden


def _safe_names(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Return the names of an archive's pictures after looking at every entry."""
    names = safe_names(path, archive)
    return [name for name in names if _is_picture(PurePosixPath(name))]


def safe_names(
    path: Path, archive: zipfile.ZipFile, *, max_bytes: int = MAX_ARCHIVE_BYTES
) -> list[str]:
    """Return the names of an archive's files, in order, after looking at every entry.

    Raises:
        UnsafeArchiveError: an entry climbs out, is a link, or expands beyond the limits.
    """
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise UnsafeArchiveError(
            f"{path.name} has {len(entries):,} entries, at most {MAX_ENTRIES:,} are read: "
            "leave some out."
        )
    total = 0
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        shown = f"{path.name}: the entry {entry.orig_filename!r}"
        if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/") or "\0" in name:
            raise UnsafeArchiveError(
                f"{shown} points outside the archive, so nothing was read. Pack it again from "
                "within its folder."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UnsafeArchiveError(
                f"{shown} is a link, so nothing was read. Pack the file itself."
            )
        total += entry.file_size
        grown = entry.file_size / max(1, entry.compress_size)
        if total > max_bytes or (entry.file_size > 1 << 20 and grown > MAX_RATIO):
            raise UnsafeArchiveError(
                f"{shown} expands {grown:.0f} times to {entry.file_size >> 20} MiB, as zip "
                "bombs do, so nothing was read. Leave it out."
            )
    return sorted({e.filename for e in entries if not e.is_dir()})


def _check_same(plan: PicturePlan, folder: Path, names: list[str] | None) -> None:
    """Note what is read into `folder`, or compare with what was noted.

    Raises:
        StalePicturesError: it is something else.
    """
    path = folder / "origin.json"
    origin: dict[str, object] = {"size": plan.size, "fit": plan.fit}
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if names is None:
        assert known is not None
        origin["names"] = known["names"]
    else:
        origin["names"] = hashlib.sha256("\n".join(names).encode()).hexdigest()
    if known is None:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(origin), encoding="utf-8")
        partial.replace(path)
    elif known != origin:
        changed = " and ".join(key for key in origin if known.get(key) != origin[key])
        raise StalePicturesError(
            f"{folder} was read with another {changed}: choose another --name or remove it"
        )
