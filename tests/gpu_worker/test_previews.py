"""Sliders: the newest wish of each stream, drawn in one batch from kept styles."""

import io
from uuid import UUID, uuid4

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from editing import vectors
from editing.bundle import Bundle
from editing.generator.cuda import GraphedSynthesis
from editing.generator.synthesis import Synthesis
from editing.vectors import EditVector
from gpu_worker import previews
from gpu_worker.bundles import Bundles
from gpu_worker.device import Device, OutOfMemoryError
from gpu_worker.frames import to_pillow
from gpu_worker.previews import Painter, Previews
from gpu_worker.refusals import RefusedJobError
from webapp.common.frames import Frame
from webapp.common.redis import client
from webapp.jobs.contract import PreviewRequest, VectorUse

CODE = "a" * 64
OTHER_CODE = "b" * 64


class Shelf:
    """Codes and vectors by the names that wishes use, counting how often they are read."""

    def __init__(self, bundle: Bundle) -> None:
        samples = bundle.samples()
        noise = torch.Generator().manual_seed(7)
        offset = torch.randn(bundle.num_layers, bundle.w_dim, generator=noise)
        self.codes = {CODE: samples["ada"], OTHER_CODE: samples["ben"]}
        self.vectors = {
            uuid4(): EditVector(offset=offset, parts=frozenset({1})),
            uuid4(): EditVector(offset=offset.flip(0), parts=frozenset({2})),
        }
        self.num_reads = 0

    def read_code(self, digest: str, bundle: Bundle) -> torch.Tensor:
        self.num_reads += 1
        return self.codes[digest][None]

    def read_vector(self, version_id: UUID, bundle: Bundle) -> EditVector:
        self.num_reads += 1
        if version_id not in self.vectors:
            raise RefusedJobError("library.other_family", "another family")
        return self.vectors[version_id]


@pytest.fixture
def shelf(tiny_family: Bundle, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf(tiny_family)
    monkeypatch.setattr(previews, "read_code", shelf.read_code)
    monkeypatch.setattr(previews, "read_vector", shelf.read_vector)
    return shelf


@pytest.fixture
def service(device: Device, bundles: Bundles, shelf: Shelf) -> Previews:
    return Previews(device=device, bundles=bundles, batch=8)


def wish(
    stream: UUID, *, seq: int = 1, code: str = CODE, stack: tuple[VectorUse, ...] = ()
) -> PreviewRequest:
    return PreviewRequest(
        stream=stream, epoch=1, seq=seq, bundle="tiny-16", base_revision_id=UUID(int=9),
        w_plus=code, stack=stack,
    )  # fmt: skip


def ask(request: PreviewRequest) -> None:
    """Write a wish as the socket does."""
    client().set(f"preview:slot:{request.stream.hex}", request.model_dump_json(), ex=30)
    client().rpush("preview:waiting", request.stream.hex)


def frame(stream: UUID) -> Frame | None:
    data = client().get(f"frame:{stream.hex}")
    return Frame.unpack(data) if isinstance(data, bytes) else None


@pytest.mark.parametrize(("dtype", "mean", "largest"), [(None, 0.5, 1), (torch.bfloat16, 1, 8)])
def test_a_preview_is_the_picture_of_the_code_with_its_stack(
    service: Previews,
    shelf: Shelf,
    tiny_family: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    dtype: torch.dtype | None,
    mean: float,
    largest: int,
) -> None:
    monkeypatch.setattr(previews, "preview_dtype", lambda device: dtype)
    stream = uuid4()
    first, second = shelf.vectors
    stack = (
        VectorUse(edit_vector_version_id=first, strength=1.5),
        VectorUse(edit_vector_version_id=second, strength=-0.5),
    )
    ask(wish(stream, seq=4, stack=stack))

    assert service.serve_once(timeout=1) == 1

    shown = frame(stream)
    assert shown is not None
    assert (shown.epoch, shown.seq, shown.step) == (1, 4, 0)
    uses = [(shelf.vectors[first], 1.5), (shelf.vectors[second], -0.5)]
    wanted = tiny_family.render(vectors.apply(shelf.codes[CODE][None], uses))
    drawn = np.array(Pillow.open(io.BytesIO(shown.picture))).astype(int)
    apart = np.abs(drawn - np.array(to_pillow(wanted)).astype(int))
    assert apart.mean() <= mean
    assert apart.max() <= largest


def test_only_the_newest_wish_of_a_stream_is_drawn(service: Previews, shelf: Shelf) -> None:
    stream = uuid4()
    for seq in range(1, 6):
        ask(wish(stream, seq=seq))

    assert service.serve_once(timeout=1) == 1

    shown = frame(stream)
    assert shown is not None
    assert shown.seq == 5


def test_a_refused_wish_does_not_spoil_the_batch_it_came_in(
    service: Previews, shelf: Shelf
) -> None:
    good, bad = uuid4(), uuid4()
    unknown = VectorUse(edit_vector_version_id=uuid4(), strength=1.0)
    ask(wish(bad, stack=(unknown,)))
    ask(wish(good, code=OTHER_CODE))

    assert service.serve_once(timeout=1) == 1

    assert frame(good) is not None
    assert frame(bad) is None


def test_a_wish_for_an_unknown_bundle_is_dropped(service: Previews, shelf: Shelf) -> None:
    stream = uuid4()
    ask(wish(stream).model_copy(update={"bundle": "no-such"}))

    assert service.serve_once(timeout=1) == 0


def test_moving_a_slider_reads_code_and_vector_only_once(
    service: Previews, shelf: Shelf
) -> None:
    stream = uuid4()
    version_id = next(iter(shelf.vectors))
    for seq, strength in enumerate((0.1, 0.2, 0.3), start=1):
        use = VectorUse(edit_vector_version_id=version_id, strength=strength)
        ask(wish(stream, seq=seq, stack=(use,)))
        service.serve_once(timeout=1)

    assert shelf.num_reads == 2


def test_an_exhausted_memory_halves_the_batch(
    service: Previews, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [uuid4() for _ in range(4)]
    real = Painter.draw
    sizes: list[int] = []

    def scarce(self: Painter, name: str, wishes: list[PreviewRequest]) -> object:
        sizes.append(len(wishes))
        if len(wishes) > 1:
            raise OutOfMemoryError("out of memory")
        return real(self, name, wishes)

    monkeypatch.setattr(Painter, "draw", scarce)
    for stream in streams:
        ask(wish(stream))

    assert service.serve_once(timeout=1) == 4

    assert sizes == [4, 2, 1, 1, 2, 1, 1]
    assert all(frame(stream) for stream in streams)


class Captured:
    """Stands in for graphs where there is no device, and counts the batches it draws."""

    def __init__(self) -> None:
        self.num_captures = 0
        self.batches: list[int] = []

    def capture(self, synthesis: Synthesis, *, dtype: torch.dtype | None) -> "Captured":
        self.num_captures += 1
        self.synthesis, self.dtype = synthesis, dtype
        return self

    def from_styles(self, styles: tuple[torch.Tensor, ...]) -> torch.Tensor:
        self.batches.append(len(styles[0]))
        return self.synthesis.from_styles(styles, dtype=self.dtype).image


def test_where_the_device_has_graphs_previews_are_drawn_by_them_captured_once(
    service: Previews, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = Captured()
    asked: list[tuple[torch.device, int]] = []

    def can_graph(device: torch.device, resolution: int) -> bool:
        asked.append((device, resolution))
        return True

    monkeypatch.setattr(previews, "can_graph", can_graph)
    monkeypatch.setattr(GraphedSynthesis, "capture", graphs.capture)
    streams = [uuid4() for _ in range(3)]
    for stream in streams:
        ask(wish(stream))
    service.serve_once(timeout=1)
    ask(wish(streams[0], seq=2))
    service.serve_once(timeout=1)

    assert asked == [(torch.device("cpu"), 16)]
    assert (graphs.num_captures, graphs.batches) == (1, [3, 1])
    assert all(frame(stream) for stream in streams)


def test_a_device_that_refuses_to_capture_draws_the_plain_way(
    service: Previews,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(synthesis: Synthesis, *, dtype: torch.dtype | None) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(previews, "can_graph", lambda device, resolution: True)
    monkeypatch.setattr(GraphedSynthesis, "capture", refuse)
    stream = uuid4()
    ask(wish(stream))

    assert service.serve_once(timeout=1) == 1

    assert frame(stream) is not None
    assert "drawn without graphs" in caplog.text


def test_graphs_of_a_bundle_that_left_the_device_are_let_go(
    bundles: Bundles, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = Captured()
    monkeypatch.setattr(previews, "can_graph", lambda device, resolution: True)
    monkeypatch.setattr(GraphedSynthesis, "capture", graphs.capture)
    painter = Painter(bundles)
    painter.draw("tiny-16", [wish(uuid4())])

    bundles._warm.clear()
    painter.draw("tiny-16", [wish(uuid4())])

    assert graphs.num_captures == 2
    assert graphs.synthesis is bundles.get("tiny-16").generator.synthesis


def test_nothing_waiting_costs_one_look(service: Previews, shelf: Shelf) -> None:
    assert service.serve_once(timeout=0.05) == 0
