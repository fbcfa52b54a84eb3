"""Uploads of every bad kind, and what good ones become."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures

from tests.factories.rows import picture_bytes
from webapp.common.errors import DomainError
from webapp.images import decoder, uploads


def refused(data: bytes, **options: Any) -> DomainError:
    options.setdefault("crop", None)
    with pytest.raises(DomainError) as caught:
        uploads.check(data, **options)
    return caught.value


def opened(data: bytes) -> Pictures.Image:
    return Pictures.open(io.BytesIO(data))


def png_announcing(width: int, height: int) -> bytes:
    """Return a small PNG whose header announces a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body))
            + kind
            + body
            + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 10_000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_become_an_upright_picture_and_its_centre_square(form: str) -> None:
    upload = uploads.check(picture_bytes(size=(64, 48), form=form), crop=None)

    assert (upload.width, upload.height) == (64, 48)
    assert upload.crop == {"x": 8, "y": 0, "size": 48, "turns": 0}
    assert opened(upload.upright).format == "JPEG"
    square = opened(upload.square)
    assert (square.format, square.mode, square.size) == ("PNG", "RGB", (48, 48))


def test_the_square_holds_exactly_the_pixels_that_were_asked_for() -> None:
    data = picture_bytes(size=(64, 48))
    pixels = np.asarray(opened(data))

    upload = uploads.check(data, crop={"x": 5, "y": 7, "size": 32, "turns": 0})

    np.testing.assert_array_equal(np.asarray(opened(upload.square)), pixels[7:39, 5:37])


def test_a_turn_is_a_quarter_clockwise() -> None:
    data = picture_bytes(size=(32, 32))

    upload = uploads.check(data, crop={"x": 0, "y": 0, "size": 32, "turns": 1})

    turned = np.rot90(np.asarray(opened(data)), k=-1)
    np.testing.assert_array_equal(np.asarray(opened(upload.square)), turned)


def test_a_large_square_is_brought_to_512() -> None:
    upload = uploads.check(picture_bytes(size=(700, 600)), crop=None)

    assert opened(upload.square).size == (512, 512)


def test_exif_rotation_is_applied_and_all_metadata_dropped() -> None:
    exif = Pictures.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    exif[0x010E] = "where I live"
    data = picture_bytes(size=(64, 32), form="JPEG", exif=exif)

    upload = uploads.check(data, crop=None)

    assert (upload.width, upload.height) == (32, 64)
    for made in (upload.upright, upload.square):
        assert not opened(made).getexif()
        assert b"where I live" not in made


def test_cmyk_is_converted() -> None:
    upload = uploads.check(picture_bytes(form="JPEG", mode="CMYK"), crop=None)

    assert opened(upload.square).mode == "RGB"


def test_transparent_pixels_lie_on_white() -> None:
    out = io.BytesIO()
    Pictures.new("RGBA", (32, 32), (0, 0, 0, 0)).save(out, "PNG")

    upload = uploads.check(out.getvalue(), crop=None)

    assert opened(upload.square).getpixel((3, 3)) == (255, 255, 255)


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    out = io.BytesIO()
    Pictures.fromarray(np.full((32, 32), 0x8000, np.uint16)).save(out, "PNG")

    upload = uploads.check(out.getvalue(), crop=None)

    assert opened(upload.square).getpixel((0, 0)) == (128, 128, 128)


def test_what_is_no_picture_is_refused() -> None:
    for data in (
        b"hello, I am a text",
        b"%PDF-1.7 ...",
        b"<svg xmlns='...'></svg>",
        b"\0" * 99,
    ):
        error = refused(data)
        assert error.code == "images.unreadable"
        expected = "This file is not a picture we can read. Use PNG, JPEG or WebP."
        assert error.detail == expected


def test_other_formats_are_refused_even_with_a_png_name() -> None:
    for form in ("GIF", "BMP", "TIFF"):
        assert refused(picture_bytes(form=form)).code == "images.unreadable"


def test_a_picture_header_without_a_picture_is_refused() -> None:
    assert refused(b"\x89PNG\r\n\x1a\n" + b"\0" * 64).code == "images.unreadable"


def test_an_empty_file_is_refused() -> None:
    assert refused(b"").code == "images.empty"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_file_is_refused(form: str) -> None:
    data = picture_bytes(size=(200, 200), form=form)

    error = refused(data[: len(data) // 2])

    assert error.code == "images.truncated"
    expected = "The file ends too early. It may not have been copied completely."
    assert error.detail == expected


def test_thirty_thousand_squared_is_refused_from_the_header_alone() -> None:
    error = refused(png_announcing(30_000, 30_000))

    assert error.code == "images.too_many_pixels"
    assert error.detail == (
        "This picture has 900 million pixels. The most is 40 million; "
        "make it smaller and try again."
    )


def test_animated_pictures_are_refused() -> None:
    frames = [Pictures.new("RGB", (32, 32), (i * 90, 0, 0)) for i in range(3)]
    for form in ("PNG", "WEBP"):
        out = io.BytesIO()
        frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=80)

        error = refused(out.getvalue())

        assert error.code == "images.animated"
        expected = "Animated pictures are not supported. Save one frame and upload that."
        assert error.detail == expected


def test_forty_megabytes_are_refused_without_decoding() -> None:
    error = refused(picture_bytes() + b"\0" * 40_000_000)

    assert (error.code, error.status) == ("images.too_large", 413)
    assert error.detail == (
        "This file has 40 MB. The most is 25 MB; make it smaller and try again."
    )


def test_a_tiny_picture_is_refused() -> None:
    assert refused(picture_bytes(size=(3, 3))).code == "images.too_small"


def test_a_crop_that_reaches_outside_is_refused() -> None:
    error = refused(
        picture_bytes(size=(64, 48)), crop={"x": 40, "y": 0, "size": 32, "turns": 0}
    )

    assert error.code == "images.crop_outside"
    assert "64 × 48" in error.detail


@pytest.mark.slow
def test_the_largest_picture_allowed_fits_into_the_limits() -> None:
    out = io.BytesIO()
    Pictures.new("RGB", (8000, 5000), (200, 120, 80)).save(out, "PNG", compress_level=1)

    upload = uploads.check(out.getvalue(), crop=None)

    assert (upload.width, upload.height) == (8000, 5000)
    assert max(opened(upload.upright).size) == decoder.MAX_UPRIGHT


def test_a_decoder_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WALL_SECONDS", 0.0001)

    assert refused(picture_bytes()).code == "images.too_heavy"


def test_the_decoder_cannot_take_more_memory_than_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = decoder.__file__
    greedy = tmp_path / "decoder.py"
    text = Path(source).read_text(encoding="utf-8")
    body = 'warnings.simplefilter("ignore")\n    hoard = bytearray(2 * MEMORY_BYTES)\n'
    greedy.write_text(text.replace('warnings.simplefilter("ignore")\n', body))
    monkeypatch.setattr(decoder, "__file__", str(greedy))

    assert refused(picture_bytes()).code == "images.too_heavy"
