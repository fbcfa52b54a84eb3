"""May this uploaded file become an image? Checked step by step, decoded at a distance.

Byte cap, first bytes, size from the header alone, one frame, decoding in a limited process,
re-encoding without metadata. Every refusal is a sentence that says what to do.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from webapp.common.errors import RefusedInputError, TooLargeError
from webapp.images import decoder

MAX_BYTES = 25 * 1024 * 1024
WALL_SECONDS = 20.0
_decoders = BoundedSemaphore(2)  # at most so many pictures are held decoded at a time


class UploadTooLargeError(TooLargeError):
    """The file has more bytes than are accepted."""

    code = "images.too_large"


class BadUploadError(RefusedInputError):
    """The file cannot become an image; `code` is set for each cause."""

    code = "images.unreadable"
    title = "This picture cannot be used"

    def __init__(self, detail: str, *, code: str = "images.unreadable") -> None:
        super().__init__(detail, fields={"file": detail})
        self.code = code


class BadCropError(RefusedInputError):
    """The crop does not lie inside the picture."""

    code = "images.crop_outside"


UNREADABLE = "This file is not a picture we can read. Use PNG, JPEG or WebP."
EMPTY = "This file is empty. It may not have been copied completely."
TRUNCATED = "The file ends too early. It may not have been copied completely."
ANIMATED = "Animated pictures are not supported. Save one frame and upload that."
TOO_HEAVY = "This picture takes too much memory or time to read. Make it smaller and try again."


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that was accepted: both pictures re-encoded, `crop` as it was applied."""

    upright: bytes  # JPEG, at most 2048 on its longer side
    square: bytes  # PNG, RGB, at most 512
    width: int
    height: int
    crop: dict[str, int]


def too_large(num_bytes: int) -> UploadTooLargeError:
    """Return the refusal of a file of so many bytes."""
    return UploadTooLargeError(
        f"This file has {num_bytes / 1e6:.0f} MB. The most is {MAX_BYTES // 2**20} MB; "
        "make it smaller and try again."
    )


def check(data: bytes, *, crop: dict[str, int] | None) -> Upload:
    """Return the picture in `data`, cropped; by default its centre square.

    Raises:
        UploadTooLargeError: it has too many bytes.
        BadUploadError: it is no picture, ends early, is animated or too big to decode.
        BadCropError: the crop reaches outside the picture.
    """
    if not data:
        raise BadUploadError(EMPTY, code="images.empty")
    if len(data) > MAX_BYTES:
        raise too_large(len(data))
    if not decoder.looks_like_a_picture(data):
        raise BadUploadError(UNREADABLE)
    with _decoders:
        answer, body = _run(data, crop)
    if "refused" in answer:
        raise _refusal(answer)
    upright = body[: answer["upright"]]
    square = body[answer["upright"] :]
    assert len(square) == answer["square"], "the decoder announced other lengths"
    return Upload(
        upright=upright,
        square=square,
        width=answer["width"],
        height=answer["height"],
        crop=answer["crop"],
    )


def _run(data: bytes, crop: dict[str, int] | None) -> tuple[dict[str, Any], bytes]:
    command = [
        sys.executable, "-I", str(Path(decoder.__file__)), json.dumps({"crop": crop})
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - our own script; nothing of the upload is in it
            command, input=data, capture_output=True, timeout=WALL_SECONDS, check=False, env={}
        )
    except subprocess.TimeoutExpired:
        raise BadUploadError(TOO_HEAVY, code="images.too_heavy") from None
    head, _, body = done.stdout.partition(b"\n")
    if done.returncode != 0 or not head:
        # Killed by its limits, or Pillow fell over: either way this file is not for us.
        raise BadUploadError(TOO_HEAVY, code="images.too_heavy")
    return json.loads(head), body


def _refusal(answer: dict[str, Any]) -> RefusedInputError:
    match answer["refused"]:
        case "too_many_pixels":
            millions = round(answer["pixels"] / 1e6)
            return BadUploadError(
                f"This picture has {millions} million pixels. The most is 40 million; "
                "make it smaller and try again.",
                code="images.too_many_pixels",
            )
        case "too_small":
            return BadUploadError(
                f"This picture has only {answer['width']} × {answer['height']} pixels. "
                f"The least is {decoder.MIN_SIDE} on each side.",
                code="images.too_small",
            )
        case "animated":
            return BadUploadError(ANIMATED, code="images.animated")
        case "truncated":
            return BadUploadError(TRUNCATED, code="images.truncated")
        case "too_heavy":
            return BadUploadError(TOO_HEAVY, code="images.too_heavy")
        case "crop_outside":
            return BadCropError(
                f"The crop reaches outside the picture, which is {answer['width']} × "
                f"{answer['height']} pixels.",
                fields={"crop": "Must lie inside the picture."},
            )
        case _:
            return BadUploadError(UNREADABLE)
