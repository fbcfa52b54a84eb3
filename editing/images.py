"""Pictures and label maps as bytes and back: the edge of the library.

Inside, a picture is RGB float (N, 3, H, W) in [-1, 1] and a label map uint8 (N, H, W) of
part ids. Label maps are stored as PNG with a palette: the stored numbers are the ids, the
palette only makes the file pleasant to look at, so an anti-aliased or recoloured pixel can
never turn into another part.

Shapes: N images, H x W pixels.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError
from torch import Tensor

from editing.errors import EditingError

Source = str | Path | bytes
MAX_PIXELS = 40_000_000


class ImageReadError(EditingError):
    """The bytes are no picture that can be read here."""

    code = "image.unreadable"


class LabelMapError(EditingError):
    """A label map has the wrong size, the wrong kind of pixels or an unknown part."""

    code = "labels.invalid"


def read_image(source: Source, *, size: int | None = None) -> Tensor:
    """Return a picture (1, 3, H, W) in [-1, 1]; its centre square at `size` if given.

    Raises:
        ImageReadError: not a picture, truncated, or more than 40 megapixels.
    """
    picture = open_picture(source)
    try:
        rgb = picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageReadError(f"the picture is damaged: {error}") from error
    image = from_uint8(torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None])
    if size is None:
        return image
    side = min(image.shape[-2:])
    top, left = (image.shape[-2] - side) // 2, (image.shape[-1] - side) // 2
    return resize(image[..., top : top + side, left : left + side], size)


def resize(image: Tensor, size: int) -> Tensor:
    """Return the picture as (N, 3, size, size): area average to shrink, bilinear to grow."""
    if image.shape[-2:] == (size, size):
        return image
    return F.interpolate(
        image, size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )


def to_uint8(image: Tensor) -> Tensor:
    """Return bytes (N, 3, H, W) for a picture in [-1, 1]; values beyond are clamped."""
    return (image.detach() * 127.5 + 128).clamp(0, 255).to(torch.uint8).cpu()


def from_uint8(data: Tensor) -> Tensor:
    """Return a picture in [-1, 1] for bytes (N, 3, H, W); inverse of `to_uint8`."""
    return (data.float() - 127.5) / 127.5


def to_png_bytes(image: Tensor) -> bytes:
    """Return one picture, (1, 3, H, W) or (3, H, W), as PNG."""
    data = to_uint8(image if image.ndim == 3 else image[0])
    return _png(Image.fromarray(data.permute(1, 2, 0).contiguous().numpy()))


def labels_to_png(labels: Tensor, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """Return one label map, (1, H, W) or (H, W) uint8, as PNG with the given palette."""
    data = labels if labels.ndim == 2 else labels[0]
    picture = Image.fromarray(data.to(torch.uint8).cpu().contiguous().numpy())
    picture.putpalette([channel for colour in palette for channel in colour])
    return _png(picture)


def read_labels(source: Source, *, num_parts: int, size: int | None = None) -> Tensor:
    """Return a label map uint8 (1, H, W) from an indexed or grey PNG.

    Raises:
        ImageReadError: not a picture.
        LabelMapError: the pixels are colours, not ids; the side is not `size`; or an id is
            not below `num_parts`.
    """
    picture = open_picture(source)
    if picture.mode not in ("P", "L"):
        raise LabelMapError(
            f"a label map stores one part id per pixel, this file stores {picture.mode}"
        )
    try:
        labels = torch.from_numpy(np.array(picture)).to(torch.uint8)[None]
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageReadError(f"the label map is damaged: {error}") from error
    check_labels(labels, num_parts=num_parts, size=size)
    return labels


def check_labels(labels: Tensor, *, num_parts: int, size: int | None = None) -> None:
    """Refuse a label map (N, H, W) that cannot belong to the family.

    Raises:
        LabelMapError: wrong side, or an id that is no part.
    """
    if labels.ndim != 3 or labels.is_floating_point():
        raise LabelMapError(f"a label map is integer (N, H, W), not {tuple(labels.shape)}")
    if size is not None and labels.shape[-2:] != (size, size):
        height, width = labels.shape[-2:]
        raise LabelMapError(f"the label map is {width} x {height}, expected {size} x {size}")
    highest, lowest = int(labels.max()), int(labels.min())
    if highest >= num_parts or lowest < 0:
        raise LabelMapError(f"part id {highest} is unknown, there are {num_parts} parts")


def colorize(labels: Tensor, palette: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return label maps (N, H, W) as pictures (N, 3, H, W) in [-1, 1]."""
    colors = from_uint8(torch.tensor(palette, dtype=torch.uint8, device=labels.device))
    return colors[labels.long()].permute(0, 3, 1, 2)


def overlay(
    image: Tensor,
    labels: Tensor,
    palette: Sequence[tuple[int, int, int]],
    *,
    opacity: float = 0.5,
) -> Tensor:
    """Return pictures (N, 3, H, W) with label maps (N, h, w) laid over them."""
    colored = F.interpolate(colorize(labels, palette).to(image.dtype), size=image.shape[-2:])
    return image.lerp(colored, opacity)


def sheet(
    rows: Sequence[Sequence[Tensor]],
    *,
    labels: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    cell: int = 128,
    gap: int = 4,
) -> Image.Image:
    """Return a contact sheet: one picture (3, H, W) or (1, 3, H, W) per cell.

    `labels` name the rows at their left, `columns` stand above the cells.
    """
    font = ImageFont.load_default(size=max(11, cell // 9))
    wide = int(max((font.getlength(text) for text in labels or [""]), default=0))
    left = wide + 3 * gap if labels else gap
    top = (cell // 6 + gap if columns else 0) + gap
    width = left + max(len(row) for row in rows) * (cell + gap)
    canvas = Image.new("RGB", (width, top + len(rows) * (cell + gap)), (250, 249, 247))
    draw = ImageDraw.Draw(canvas)
    for i, text in enumerate(columns or []):
        middle = left + i * (cell + gap) + cell / 2
        draw.text((middle, top / 2), text, fill=(40, 40, 40), font=font, anchor="mm")
    for i, row in enumerate(rows):
        y = top + i * (cell + gap)
        if labels:
            draw.text((gap, y + cell / 2), labels[i], (40, 40, 40), font=font, anchor="lm")
        for j, picture in enumerate(row):
            single = picture if picture.ndim == 3 else picture[0]
            data = to_uint8(single).permute(1, 2, 0).contiguous().numpy()
            shown = Image.fromarray(data).resize((cell, cell), Image.Resampling.BICUBIC)
            canvas.paste(shown, (left + j * (cell + gap), y))
    return canvas


def open_picture(source: Source) -> Image.Image:
    """Return a picture as Pillow opens it, its pixels not yet read.

    Raises:
        ImageReadError: not a picture, or more than 40 megapixels.
    """
    try:
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
        raise ImageReadError("this is not a picture that can be read") from error
    except OSError as error:
        raise ImageReadError(str(error)) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise ImageReadError(f"{picture.width} x {picture.height} pixels are too many")
    return picture


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()
