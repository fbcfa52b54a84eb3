"""How do sliders stay live? The newest wish of every stream, rendered in batches.

A thread takes what waits, groups it by bundle and lets the device draw one batch from
styles. Styles are linear in the code, so the style of `w_plus + sum(strength * offset)` is
the style of `w_plus` plus the scaled styles of the offsets: both are kept, and moving a
slider costs no affine layer and reads no row.

A wish that cannot be drawn is logged and dropped; asking again is the browser's part.
"""

import logging
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

import redis
import torch
from django.db import DatabaseError
from torch import Tensor

from editing.bundle import Bundle
from editing.errors import EditingError
from editing.generator.cuda import GraphedSynthesis, can_graph
from editing.generator.precision import preview_dtype
from gpu_worker import frames
from gpu_worker.bundles import Bundles
from gpu_worker.device import Device, DeviceStoppedError, OutOfMemoryError, Urgency
from gpu_worker.workbench import read_code, read_vector
from webapp.common.errors import DomainError
from webapp.common.frames import Frame
from webapp.jobs import worker
from webapp.jobs.contract import PreviewRequest

log = logging.getLogger(__name__)

Styles = tuple[Tensor, ...]
Brush = Callable[[Styles], Tensor]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
WAIT_SECONDS = 1.0


class Recent(Generic[K, V]):
    """The values used last, up to `size` of them; for one thread."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > self._size:
            self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        self._values.clear()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A wish with its picture (3, R, R)."""

    wish: PreviewRequest
    image: Tensor


def brush(bundle: Bundle) -> Brush:
    """Return what draws pictures (N, 3, R, R) from styles: graphs if the device has them."""
    synthesis, dtype = bundle.generator.synthesis, preview_dtype(bundle.device)
    if can_graph(bundle.device, bundle.resolution):
        try:
            return GraphedSynthesis.capture(synthesis, dtype=dtype).from_styles
        except RuntimeError:
            # So CUDA refuses, and says that memory is short. A lost device shows at once.
            log.warning("previews of %s are drawn without graphs", bundle.name, exc_info=True)
    return lambda styles: synthesis.from_styles(styles, dtype=dtype).image


class Painter:
    """Draws wishes; all methods run on the device's thread.

    Caches are keyed by the content hash of the code and the id of the vector version, both
    of which `webapp` checked against the person's rights before it wrote the wish.
    """

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles
        self._bases: Recent[tuple[str, str], Styles] = Recent(256)
        self._offsets: Recent[tuple[str, UUID], Styles] = Recent(512)
        self._brushes: dict[str, tuple[Bundle, Brush]] = {}

    def forget(self) -> None:
        """Drop what is cached; for an exhausted memory."""
        self._bases.clear()
        self._offsets.clear()
        self._brushes.clear()

    @torch.no_grad()
    def draw(self, bundle_name: str, wishes: list[PreviewRequest]) -> list[Drawn]:
        """Return the pictures of wishes of one bundle, from one forward pass.

        A wish that is refused is left out.
        """
        bundle = self._bundles.get(bundle_name)
        accepted: list[PreviewRequest] = []
        styles: list[Styles] = []
        for wish in wishes:
            try:
                styles.append(self._wanted(bundle, wish))
            except (EditingError, DomainError) as error:
                log.warning("preview of %s refused: %s %s", wish.stream, error.code, error)
            else:
                accepted.append(wish)
        if not accepted:
            return []
        batch = tuple(torch.cat(layer) for layer in zip(*styles, strict=True))
        images = self._brush(bundle)(batch).cpu()
        return [Drawn(wish, image) for wish, image in zip(accepted, images, strict=True)]

    def _brush(self, bundle: Bundle) -> Brush:
        """Return what draws pictures of a warm bundle; graphs of dropped ones are let go."""
        warm = {*self._bundles.warm()}
        self._brushes = {name: kept for name, kept in self._brushes.items() if name in warm}
        of, found = self._brushes.get(bundle.name, (None, None))
        if of is not bundle or found is None:
            found = brush(bundle)
            self._brushes[bundle.name] = (bundle, found)
        return found

    def _wanted(self, bundle: Bundle, wish: PreviewRequest) -> Styles:
        synthesis = bundle.generator.synthesis
        base = self._bases.get(
            (bundle.fingerprint, wish.w_plus),
            lambda: synthesis.styles(read_code(wish.w_plus, bundle)),
        )
        wanted = base
        for use in wish.stack:
            offset = self._offset(bundle, use.edit_vector_version_id)
            wanted = tuple(
                style + use.strength * change
                for style, change in zip(wanted, offset, strict=True)
            )
        return wanted

    def _offset(self, bundle: Bundle, version_id: UUID) -> Styles:
        def make() -> Styles:
            offset = read_vector(version_id, bundle).offset[None]
            moved = bundle.generator.synthesis.styles(offset)
            still = bundle.generator.synthesis.styles(torch.zeros_like(offset))
            return tuple(a - b for a, b in zip(moved, still, strict=True))

        return self._offsets.get((bundle.fingerprint, version_id), make)


class Previews:
    """The thread that serves sliders."""

    def __init__(self, *, device: Device, bundles: Bundles, batch: int) -> None:
        self._device = device
        self._painter = Painter(bundles)
        self._batch = batch
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="previews", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            try:
                self.serve_once(timeout=WAIT_SECONDS)
                pause = 0.1
            except DeviceStoppedError:
                return
            except (redis.RedisError, DatabaseError) as error:
                log.warning("previews wait, a server is away: %s", error)
                self._stopping.wait(pause)
                pause = min(2.0, 2 * pause)
            except Exception:
                # One bad wish must not end the service for everybody.
                log.exception("a preview failed")

    def serve_once(self, *, timeout: float) -> int:
        """Serve what waits, at most `timeout` seconds later; return the number of frames."""
        by_bundle: dict[str, list[PreviewRequest]] = defaultdict(list)
        for wish in worker.take_previews(timeout):
            by_bundle[wish.bundle].append(wish)
        num_frames = 0
        for name, wishes in by_bundle.items():
            for first in range(0, len(wishes), self._batch):
                for drawn in self._draw(name, wishes[first : first + self._batch]):
                    self._send(drawn)
                    num_frames += 1
        return num_frames

    def _draw(self, name: str, wishes: list[PreviewRequest]) -> list[Drawn]:
        try:
            return self._device.run(
                lambda: self._painter.draw(name, wishes), urgency=Urgency.PREVIEW
            )
        except EditingError as error:
            log.warning("previews of bundle %s refused: %s %s", name, error.code, error)
            return []
        except OutOfMemoryError:
            if len(wishes) == 1:
                log.error("no memory for a preview of %s", name)
                return []
            self._device.run(self._painter.forget, urgency=Urgency.PREVIEW)
            half = len(wishes) // 2
            return self._draw(name, wishes[:half]) + self._draw(name, wishes[half:])

    @staticmethod
    def _send(drawn: Drawn) -> None:
        form, data = frames.encode_frame(drawn.image)
        wish = drawn.wish
        worker.put_frame(
            Frame(
                stream=wish.stream,
                epoch=wish.epoch,
                seq=wish.seq,
                step=0,
                base_revision_id=wish.base_revision_id,
                format=form,
                picture=data,
            )
        )
