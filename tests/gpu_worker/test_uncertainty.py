"""Where a label map is uncertain, asked of a real worker on the tiny family."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from editing.segmentation.branch import UNCERTAINTY_TOP, image_uncertainty
from gpu_worker import frames
from gpu_worker.lanes import Lanes
from tests.gpu_worker.conftest import Studio
from webapp.common import artifacts
from webapp.images import uncertainty


def test_the_map_is_the_disagreement_of_the_members_for_this_very_code(
    lanes: Lanes, studio: Studio
) -> None:
    assert studio.image.head_id is not None
    job = uncertainty.start(
        actor=studio.owner, revision_id=studio.image.head_id, now=datetime.now(UTC)
    )
    lanes.work("interactive")

    answer = uncertainty.answer(studio.owner, job.pk)

    code = studio.bundle.samples()["ada"][None]
    with torch.no_grad():
        taps = studio.bundle.generator.synthesis(code, with_taps=True).taps
    assert taps is not None
    wanted = studio.bundle.branch.uncertainty(taps, size=studio.bundle.label_size)
    assert answer.map_url is not None, answer
    digest = answer.map_url.split("/media/")[1].split(".")[0]
    drawn = np.asarray(Pillow.open(io.BytesIO(artifacts.read(digest))))
    shares = (wanted[0] / UNCERTAINTY_TOP).clamp(0, 1).numpy()
    assert drawn.dtype == np.uint8
    assert np.abs(drawn / 255 - shares).max() <= 0.5 / 255 + 1e-6
    assert drawn.max() > 0
    assert answer.overall == pytest.approx(float(image_uncertainty(wanted)), abs=1e-6)
    assert answer.num_members == studio.bundle.branch.num_members


def test_shares_beyond_the_ends_are_drawn_at_the_ends() -> None:
    data = frames.grey_map(torch.tensor([[-1.0, 0.0], [0.5, 7.0]]))

    picture = Pillow.open(io.BytesIO(data))

    assert picture.mode == "L"
    assert np.asarray(picture).tolist() == [[0, 0], [128, 255]]
