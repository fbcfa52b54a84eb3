"""Search by painting through a real worker: measured vectors, tried on the very picture."""

import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from editing import vectors
from editing.vectors import EditVector
from gpu_worker.lanes import Lanes
from tests.gpu_worker.conftest import Studio
from webapp.common import artifacts
from webapp.images import painting_search
from webapp.jobs.contract import Measured
from webapp.jobs.models import Job
from webapp.library import services as library

NUM_VECTORS = 4


def offsets(studio: Studio) -> "list[np.ndarray[Any, Any]]":
    """Return offsets that each repaint a good part of the picture, in ways of their own."""
    bundle = studio.bundle
    code = bundle.samples()["ada"][None]
    before = bundle.segment(code)
    found: list[np.ndarray[Any, Any]] = []
    for seed in range(200):
        rng = torch.Generator().manual_seed(seed)
        offset = 1.5 * torch.randn(code.shape[1:], generator=rng)
        changed = (bundle.segment(code + offset) != before).float().mean()
        if 0.05 < changed < 0.6:
            found.append(offset.numpy())
        if len(found) == NUM_VECTORS:
            return found
    raise AssertionError("the tiny generator moves no label")


def save(studio: Studio, offset: "np.ndarray[Any, Any]", title: str) -> Any:
    """Save an edit vector with the card that measuring it gives."""
    vector = EditVector(offset=torch.from_numpy(offset), parts=frozenset({1, 2}))
    figures = vectors.measure(studio.bundle, vector, num_strips=1)
    card = Measured(
        strengths=figures.strengths, strips=(), num_probes=figures.num_probes,
        locality=figures.locality, outside_change=figures.outside_change, identity=None,
        success=figures.success, effect_by_part={}, valid_range=figures.valid_range,
        norm=figures.norm, signature=figures.signature,
    )  # fmt: skip
    return library.save_edit_vector(
        actor=studio.owner, team=studio.team, bundle=studio.bundle.name, offset=offset,
        parts=(1, 2), margin=1, learned_from={}, title=title, description="", tags=(),
        card=card, now=datetime.now(UTC),
    )  # fmt: skip


def ask(studio: Studio, offset: "np.ndarray[Any, Any]", lanes: Lanes) -> Any:
    """Paint what `offset` would do to the picture, and ask for vectors that do it."""
    code = studio.bundle.samples()["ada"][None]
    painting = studio.bundle.segment(code + torch.from_numpy(offset))[0].numpy()
    out = io.BytesIO()
    Pillow.fromarray(painting.astype(np.uint8)).save(out, "PNG")
    assert studio.image.head_id is not None
    job = painting_search.start(
        actor=studio.owner, image_id=studio.image.pk, base_revision_id=studio.image.head_id,
        label_map=out.getvalue(), scope="all", now=datetime.now(UTC),
    )  # fmt: skip
    lanes.work("interactive")
    return painting_search.answer(studio.owner, job.pk)


def test_the_vector_that_does_it_comes_first_at_its_strength_and_with_its_picture(
    lanes: Lanes, studio: Studio
) -> None:
    made = offsets(studio)
    for number, offset in enumerate(made):
        save(studio, offset, f"Vector {number}")

    answer = ask(studio, made[1], lanes)

    assert answer.is_done, answer
    first, *others = answer.matches
    assert first.vector.title == "Vector 1"
    assert first.strength == pytest.approx(1.0, abs=0.05)
    assert first.match > max((one.match for one in others), default=0.0)
    digest = first.picture_url.split("/media/")[1].split(".")[0]
    assert Pillow.open(io.BytesIO(artifacts.read(digest))).size == (16, 16)
    assert not Job.objects.exclude(status="succeeded").exists()
