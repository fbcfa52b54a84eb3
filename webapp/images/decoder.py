"""What is in an uploaded file? Decoded here, in a process with little to lose.

Run as a script with `python -I`: options as JSON in the first argument, the file on standard
input. It limits its own memory, time and files before it looks at a byte. Standard output is
one line of JSON, then the bytes it announces: the upright picture (JPEG) and its square crop
(PNG), both re-encoded, so nothing of the file itself is kept. Imports Pillow alone.
"""

import io
import json
import resource
import sys
import warnings
from typing import Any

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 40_000_000
MIN_SIDE = 16
MAX_UPRIGHT = 2048
MAX_SQUARE = 512
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 15


class RefusedError(Exception):
    """The file is refused: `code` says why, `facts` fill the sentence."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def limit() -> None:
    """Give up what decoding does not need; a limit that is lower already stays."""
    for kind, wanted in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (least, least))


def looks_like_a_picture(data: bytes) -> bool:
    """Return whether the first bytes are those of PNG, JPEG or WebP."""
    return (
        data.startswith(b"\x89PNG\r\n\x1a\n")
        or data.startswith(b"\xff\xd8\xff")
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
    )


def ends_early(data: bytes) -> bool:
    """Return whether this is a WebP that announces more bytes than there are."""
    return data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data)


def decode(data: bytes, crop: dict[str, int] | None) -> tuple[dict[str, Any], bytes, bytes]:
    """Return the facts, the upright picture as JPEG and the square as PNG.

    Raises:
        RefusedError: with a code that `webapp.images.uploads` has words for.
    """
    from PIL import Image, ImageFile, ImageOps

    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = None  # counted here, from the header, before any decoding
    if not looks_like_a_picture(data):
        raise RefusedError("unreadable")
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RefusedError("truncated" if ends_early(data) else "unreadable") from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise RefusedError("too_many_pixels", pixels=width * height)
    if min(width, height) < MIN_SIDE:
        raise RefusedError("too_small", width=width, height=height)
    if getattr(picture, "is_animated", False):
        raise RefusedError("animated")
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise RefusedError("truncated") from error

    upright = _as_rgb(ImageOps.exif_transpose(picture), Image)
    width, height = upright.size
    if crop is None:
        size = min(width, height)
        crop = {"x": (width - size) // 2, "y": (height - size) // 2, "size": size, "turns": 0}
    x, y, size = crop["x"], crop["y"], crop["size"]
    if x + size > width or y + size > height:
        raise RefusedError("crop_outside", width=width, height=height)
    if size < MIN_SIDE:
        raise RefusedError("too_small", width=size, height=size)
    square = upright.crop((x, y, x + size, y + size))
    if crop["turns"]:
        square = square.rotate(-90 * crop["turns"])
    if size > MAX_SQUARE:
        square = square.resize((MAX_SQUARE, MAX_SQUARE), Image.Resampling.LANCZOS)
    upright.thumbnail((MAX_UPRIGHT, MAX_UPRIGHT), Image.Resampling.LANCZOS)
    facts = {"width": width, "height": height, "crop": crop}
    return facts, _encode(upright, "JPEG", quality=92), _encode(square, "PNG")


def _as_rgb(picture: Any, pillow: Any) -> Any:
    """Return 8-bit RGB; what is transparent lies on white."""
    if picture.mode in ("I", "I;16", "I;16B", "F"):  # 16-bit grey: keep the high byte
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        return pillow.alpha_composite(ground, picture).convert("RGB")
    return picture.convert("RGB")


def _encode(picture: Any, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.info.clear()  # no profile, no comment, no EXIF
    picture.save(out, format=form, **options)
    return out.getvalue()


def main() -> None:
    limit()
    warnings.simplefilter("ignore")
    options = json.loads(sys.argv[1])
    upright = square = b""
    try:
        answer, upright, square = decode(sys.stdin.buffer.read(), options["crop"])
    except RefusedError as refusal:
        answer = {"refused": refusal.code, **refusal.facts}
    except MemoryError:
        answer = {"refused": "too_heavy"}
    header = {**answer, "upright": len(upright), "square": len(square)}
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + upright + square)


if __name__ == "__main__":
    main()
