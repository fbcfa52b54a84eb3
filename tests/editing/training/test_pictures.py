"""Pictures from folders and zips: what is used, what is left out and named, what is refused."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from editing.training import pictures
from editing.training.pictures import (
    PicturePlan,
    Pictures,
    PicturesError,
    StalePicturesError,
    UnsafeArchiveError,
    read_pictures,
)


def photo(seed: int, *, size: tuple[int, int] = (24, 20), mode: str = "RGB") -> Image.Image:
    """Return a smooth random picture, left half red."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR)
    picture.paste((250, 10, 10), (0, 0, size[0] // 2, size[1]))
    return picture.convert(mode)


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format=form, **options)
    return stream.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of twenty plain pictures."""
    folder = tmp_path / "source"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:02}.png").write_bytes(encoded(photo(i)))
    return folder


def read(source: Path, folder: Path, *, size: int = 16, fit: str = "crop") -> pictures.Reading:
    for _ in read_pictures(PicturePlan(source, size, fit), folder):  # type: ignore[arg-type]
        pass
    return pictures.reading(folder)


def raw(folder: Path, size: int = 16) -> np.ndarray:
    """Return the pictures in the order they were read."""
    data = np.fromfile(folder / "pictures.bin", dtype=np.uint8)
    return data.reshape(-1, 3, size, size)


def test_pictures_of_any_size_become_squares_and_a_tenth_is_held_out(
    source: Path, tmp_path: Path
) -> None:
    (source / "wide.jpg").write_bytes(encoded(photo(50, size=(90, 30)), "JPEG"))
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "tall.webp").write_bytes(
        encoded(photo(51, size=(30, 90)), "WEBP")
    )

    found = read(source, tmp_path / "out")
    loaded = Pictures(tmp_path / "out")

    assert found.num_used == len(loaded) == 22
    assert loaded.num_train == 20
    assert loaded.batch(torch.tensor([0, 3])).shape == (2, 3, 16, 16)
    everything = loaded.batch(torch.arange(22))
    assert everything.min() >= -1
    assert everything.max() <= 1
    bytes_back = ((everything + 1) * 127.5).round().to(torch.uint8).numpy()
    assert sorted(p.tobytes() for p in bytes_back) == sorted(
        p.tobytes() for p in raw(tmp_path / "out")
    )


def test_broken_pictures_among_good_ones_are_named_counted_and_left_out(
    source: Path, tmp_path: Path
) -> None:
    (source / "cut.jpg").write_bytes(encoded(photo(1, size=(90, 90)), "JPEG")[:700])
    (source / "text.png").write_text("not a picture")
    (source / "empty.gif").write_bytes(b"")
    (source / "twin.png").write_bytes((source / "04.png").read_bytes())
    (source / "notes.txt").write_text("no picture by its name, so nobody's business")
    (source / ".hidden.png").write_text("nor this")

    found = read(source, tmp_path / "out")

    assert found.num_used == 20
    reasons = {each.name: each.reason for each in found.skipped}
    assert reasons.keys() == {"cut.jpg", "text.png", "empty.gif", "twin.png"}
    assert "damaged" in reasons["cut.jpg"]
    assert reasons["text.png"] == "not a picture that can be read"
    assert reasons["twin.png"] == "the same picture as 04.png"
    assert any("Left out: 4 of the files" in sentence for sentence in found.warnings)


def test_a_picture_lying_on_its_side_is_turned_upright(source: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the top is at the right
    turned = encoded(photo(60, size=(40, 40)), "JPEG", exif=exif, quality=95)
    (source / "0.jpg").write_bytes(turned)

    read(source, tmp_path / "out")

    # Red was on the left; turned clockwise it is on top.
    upright = raw(tmp_path / "out")[0].astype(int)
    assert (upright[0, :6] > 200).all()
    assert (upright[1, :6] < 60).all()


def test_cmyk_grey_16_bit_and_transparent_pictures_become_rgb(
    source: Path, tmp_path: Path
) -> None:
    (source / "0-cmyk.jpg").write_bytes(encoded(photo(1, mode="CMYK"), "JPEG", quality=95))
    (source / "1-grey.png").write_bytes(encoded(Image.new("L", (20, 20), 77)))
    deep = Image.fromarray(np.full((20, 20), 128 * 257, dtype=np.uint16))
    (source / "2-deep.png").write_bytes(encoded(deep))
    (source / "3-clear.png").write_bytes(encoded(Image.new("RGBA", (20, 20), (9, 9, 9, 0))))

    found = read(source, tmp_path / "out")

    names = sorted(path.name for path in source.iterdir())
    by_name = dict(zip(names, raw(tmp_path / "out"), strict=True))
    assert not found.skipped
    red = by_name["0-cmyk.jpg"][:, 8, 2].astype(int)
    assert red[0] > 180
    assert red[1:].max() < 90
    assert (by_name["1-grey.png"] == 77).all()
    assert (by_name["2-deep.png"] == 128).all()
    assert (by_name["3-clear.png"] == 255).all()


def test_letterbox_keeps_the_whole_picture_and_crop_its_middle(
    source: Path, tmp_path: Path
) -> None:
    white = encoded(Image.new("RGB", (64, 32), (255, 255, 255)))
    (source / "00.png").write_bytes(white)

    read(source, tmp_path / "boxed", fit="letterbox")
    read(source, tmp_path / "cropped")

    boxed = raw(tmp_path / "boxed")[0]
    assert (boxed[:, :4] == 0).all()
    assert (boxed[:, 4:12] == 255).all()
    assert (raw(tmp_path / "cropped")[0] == 255).all()


def test_few_and_small_pictures_are_warned_about(source: Path, tmp_path: Path) -> None:
    found = read(source, tmp_path / "out", size=32)

    assert any("Only 20 pictures" in sentence for sentence in found.warnings)
    assert any("Smaller than 32 px and enlarged: 20 " in s for s in found.warnings)


def test_a_folder_without_enough_usable_pictures_is_refused(
    source: Path, tmp_path: Path
) -> None:
    for path in sorted(source.iterdir())[:10]:
        path.write_text("broken")

    with pytest.raises(PicturesError, match=r"holds 10 pictures .* at least 16 .*00\.png: not"):
        read(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.mkdir(), "holds no pictures; these are read: bmp"),
        (lambda path: path.write_text("hello"), "neither a folder nor a zip"),
        (
            lambda path: path.write_bytes(b"PK\x03\x04 and nothing"),
            "neither a folder nor a zip",
        ),
        (lambda path: None, "there is nothing at"),
    ],
    ids=["empty folder", "text", "torn zip", "nothing"],
)
def test_what_is_no_source_of_pictures_is_refused(make, says, tmp_path: Path) -> None:
    path = tmp_path / "source"
    make(path)

    with pytest.raises(PicturesError, match=says) as refusal:
        read(path, tmp_path / "out")

    assert not path.exists() or str(tmp_path) not in str(refusal.value)


def zipped(path: Path, source: Path, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(source.iterdir()):
            archive.write(each, f"pictures/{each.name}")
        for name, data in more.items():
            archive.writestr(name, data, compress_type=zipfile.ZIP_DEFLATED)
    return path


def test_a_zip_gives_the_same_pictures_as_its_folder(source: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "p.zip", source, **{"__MACOSX/pictures/._00.png": b"junk"})

    found = read(path, tmp_path / "from-zip")
    read(source, tmp_path / "from-folder")

    assert not found.skipped
    assert (raw(tmp_path / "from-zip") == raw(tmp_path / "from-folder")).all()


@pytest.mark.parametrize(
    "name", ["../climbs.png", "/etc/passwd", "a/../../b.png", "..\\up.png", "C:\\x.png"]
)
def test_a_zip_with_a_path_that_climbs_out_is_refused_by_its_name(
    name: str, source: Path, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "p.zip", source, **{name: encoded(photo(1))})

    with pytest.raises(UnsafeArchiveError, match="points outside") as refusal:
        read(path, tmp_path / "out")

    assert repr(name) in str(refusal.value)
    assert str(tmp_path) not in str(refusal.value), "people read it who own no such folder"
    assert refusal.value.code == "pictures.unsafe_archive"
    assert not (tmp_path / "out" / "pictures.bin").exists()


def test_a_zip_bomb_is_refused_by_the_name_of_its_entry(source: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "p.zip", source, **{"big.png": bytes(20 << 20)})

    with pytest.raises(UnsafeArchiveError, match=r"'big\.png' expands \d+ times to 20 MiB"):
        read(path, tmp_path / "out")


def test_a_link_in_a_zip_is_refused(source: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "p.zip", source)
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")

    with pytest.raises(UnsafeArchiveError, match="is a link"):
        read(path, tmp_path / "out")


def test_a_damaged_entry_is_left_out_and_the_others_are_used(
    source: Path, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "p.zip", source)
    data = bytearray(path.read_bytes())
    at = data.index((source / "03.png").read_bytes())
    data[at + 40] ^= 0xFF
    path.write_bytes(bytes(data))

    found = read(path, tmp_path / "out")

    assert found.num_used == 19
    assert [each.name for each in found.skipped] == ["pictures/03.png"]


def test_a_picture_of_far_too_many_pixels_is_left_out_unread(
    source: Path, tmp_path: Path
) -> None:
    (source / "vast.png").write_bytes(encoded(Image.new("1", (20_000, 20_000))))

    found = read(source, tmp_path / "out")

    assert [(each.name, "too many" in each.reason) for each in found.skipped] == [
        ("vast.png", True)
    ]


def test_a_run_folder_keeps_to_its_pictures(source: Path, tmp_path: Path) -> None:
    read(source, tmp_path / "out")
    for path in source.iterdir():
        path.unlink()

    read(source, tmp_path / "out")  # read already: the source is not needed any more
    with pytest.raises(StalePicturesError, match="another size"):
        read(source, tmp_path / "out", size=32)


def test_a_source_that_changed_while_it_was_read_is_refused(
    source: Path, tmp_path: Path
) -> None:
    begun = read_pictures(PicturePlan(source, 16), tmp_path / "out")
    next(begun)
    begun.close()
    (source / "00.png").unlink()

    with pytest.raises(StalePicturesError, match="another names"):
        read(source, tmp_path / "out")


def test_training_before_reading_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PicturesError, match="no pictures have been read"):
        Pictures(tmp_path)
