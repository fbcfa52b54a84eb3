"""How does a picture on the device become bytes for a viewer or for keeping?

Frames are made for speed and shown for a moment, kept pictures are PNG. At small sizes a
viewer looks at single magnified pixels, where JPEG's blocks would show: those frames are
lossless.
"""

import io

import numpy as np
from PIL import Image
from torch import Tensor

from editing import images
from webapp.common.frames import PictureFormat

LARGEST_LOSSLESS = 128
THUMBNAIL = 256


def to_pillow(image: Tensor) -> Image.Image:
    """Return a picture (1, 3, R, R) or (3, R, R) in [-1, 1] as Pillow's."""
    data = images.to_uint8(image if image.ndim == 3 else image[0])
    return Image.fromarray(data.permute(1, 2, 0).contiguous().numpy())


def encode_frame(image: Tensor) -> tuple[PictureFormat, bytes]:
    """Return a picture as the bytes of a frame, with their format."""
    picture = to_pillow(image)
    out = io.BytesIO()
    if picture.width <= LARGEST_LOSSLESS:
        picture.save(out, "WEBP", lossless=True, method=0)
        return PictureFormat.WEBP, out.getvalue()
    picture.save(out, "JPEG", quality=90, subsampling=0)
    return PictureFormat.JPEG, out.getvalue()


def thumbnail(image: Tensor) -> bytes:
    """Return a picture as WebP of 256 px a side."""
    out = io.BytesIO()
    picture = to_pillow(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    picture.save(out, "WEBP", quality=88, method=4)
    return out.getvalue()


def grey_map(shares: Tensor) -> bytes:
    """Return shares (H, H), cut to 0..1, as an 8-bit grey PNG: 255 is 1 or more."""
    grey = np.clip(shares.detach().cpu().numpy().astype(np.float64), 0, 1) * 255
    out = io.BytesIO()
    Image.fromarray(grey.round().astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
