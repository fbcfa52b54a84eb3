import io

import numpy as np
import torch
from PIL import Image as Pillow

from gpu_worker import frames
from webapp.common import heat
from webapp.common.frames import PictureFormat


def gradient(side: int) -> torch.Tensor:
    ramp = torch.linspace(-1, 1, side)
    return torch.stack(
        [ramp.expand(side, side), ramp[:, None].expand(side, side), -ramp.expand(side, side)]
    )[None]


def opened(data: bytes) -> "np.ndarray":  # type: ignore[type-arg]
    return np.array(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_small_frames_are_exact_because_viewers_magnify_them() -> None:
    image = gradient(64)

    form, data = frames.encode_frame(image)

    assert form is PictureFormat.WEBP
    assert np.array_equal(opened(data), np.array(frames.to_pillow(image)))


def test_large_frames_are_jpeg_and_close() -> None:
    image = gradient(256)

    form, data = frames.encode_frame(image)

    assert form is PictureFormat.JPEG
    assert np.abs(opened(data) - np.array(frames.to_pillow(image))).mean() < 2


def test_thumbnails_are_256_pixels_of_webp() -> None:
    picture = Pillow.open(io.BytesIO(frames.thumbnail(gradient(64))))

    assert (picture.format, picture.size) == ("WEBP", (256, 256))


def test_the_heat_map_is_dark_where_nothing_differs_and_bright_where_much_does() -> None:
    difference = torch.zeros(8, 8)
    difference[2, 3] = 0.5

    shown = opened(heat.heat_map(difference))

    assert shown.sum(axis=2).argmax() == 2 * 8 + 3
    assert shown[0, 0].sum() < 40
