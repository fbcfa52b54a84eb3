"""Pictures and label maps as bytes and back."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from editing import images
from editing.images import ImageReadError, LabelMapError

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


def test_bytes_survive_the_way_through_a_tensor_and_png():
    data = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)

    image = images.from_uint8(data)
    back = images.read_image(images.to_png_bytes(image))

    assert image.min() == -1
    assert image.max() == 1
    assert torch.equal(images.to_uint8(image), data)
    assert torch.equal(back, image)


def test_values_beyond_the_range_are_clamped_not_wrapped():
    image = torch.tensor([-3.0, 3.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)

    assert images.to_uint8(image)[0, 0, 0].tolist() == [0, 255]


def test_reading_at_a_size_takes_the_centre_square():
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 255
    stream = io.BytesIO()
    Image.fromarray(wide).save(stream, format="PNG")

    image = images.read_image(stream.getvalue(), size=2)

    assert torch.equal(image, torch.ones(1, 3, 2, 2))


def test_shrinking_averages_instead_of_picking_pixels():
    checks = (torch.arange(8) % 2 * 2 - 1).float().expand(1, 3, 8, 8)

    small = images.resize(checks, 2)

    assert small.abs().max() < 0.2


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_bytes_that_are_no_picture_are_refused(data):
    with pytest.raises(ImageReadError):
        images.read_image(data)


def test_a_truncated_picture_is_refused():
    data = images.to_png_bytes(torch.rand(1, 3, 64, 64))

    with pytest.raises(ImageReadError):
        images.read_image(data[: len(data) // 2])


def test_label_maps_keep_ids_whatever_the_palette():
    labels = torch.tensor([[[0, 1], [2, 1]]], dtype=torch.uint8)

    data = images.labels_to_png(labels, PALETTE)
    back = images.read_labels(data, num_parts=3, size=2)

    assert torch.equal(back, labels)
    assert Image.open(io.BytesIO(data)).convert("RGB").getpixel((0, 1)) == (0, 255, 0)


def test_label_maps_of_wrong_size_unknown_parts_or_colours_are_refused():
    labels = torch.tensor([[[0, 1], [2, 1]]], dtype=torch.uint8)
    data = images.labels_to_png(labels, PALETTE)

    with pytest.raises(LabelMapError, match="2 x 2"):
        images.read_labels(data, num_parts=3, size=4)
    with pytest.raises(LabelMapError, match="2 is unknown"):
        images.read_labels(data, num_parts=2, size=2)
    with pytest.raises(LabelMapError, match="RGB"):
        images.read_labels(images.to_png_bytes(torch.zeros(1, 3, 2, 2)), num_parts=3)


def test_overlay_mixes_the_part_colours_over_the_picture():
    labels = torch.tensor([[[1]]], dtype=torch.uint8)

    mixed = images.overlay(-torch.ones(1, 3, 2, 2), labels, PALETTE, opacity=0.5)

    assert torch.allclose(mixed[0, :, 0, 0], torch.tensor([0.0, -1.0, -1.0]))


def test_a_sheet_has_a_cell_for_every_picture_of_every_row():
    picture = torch.zeros(1, 3, 4, 4)

    plain = images.sheet([[picture, picture], [picture]], cell=10, gap=2)

    assert plain.size == (2 * 12 + 2, 2 * 12 + 2)
