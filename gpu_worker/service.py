"""What does a worker process consist of, and in which order does it start and stop?

Start: device thread, presence (`starting`), bundles warmed up, previews, presence
(`ready`). Stop: claim no more, finish the steps under way, release the jobs, then the rest.

A process has one of two roles. The studio's serves people who wait. The workshop's trains for
minutes to hours, with memory, threads and a device thread of its own, so that no step of a
training, however long, stands between a slider and its picture.
"""

import logging
import os
import threading
from collections.abc import Callable
from functools import partial

import torch

from editing.bundle import Bundle
from editing.generator.cuda import allow_tf32
from editing.perceptual import load_lpips, with_lpips
from gpu_worker.bundles import Bundles
from gpu_worker.device import Device, DeviceStoppedError, Urgency, choose
from gpu_worker.lanes import Lanes
from gpu_worker.presence import Presence
from gpu_worker.previews import Previews
from gpu_worker.settings import WorkerSettings

log = logging.getLogger(__name__)
NICENESS = 15  # of a workshop's process: on a CPU it takes what the studio's leaves


def num_threads(setting: int) -> int:
    """Return how many threads one operation on the CPU uses; 0 leaves a core to others."""
    return setting or max(1, (os.cpu_count() or 2) - 1)


def _judged_by(settings: WorkerSettings) -> Callable[[Bundle], Bundle] | None:
    """Return what gives bundles the operator's perceptual weights, None without any.

    Raises:
        PerceptualWeightsError: a file does not hold them.
    """
    if settings.LPIPS_VGG16 is None:
        return None
    return partial(
        with_lpips, perceptual=load_lpips(settings.LPIPS_VGG16, settings.LPIPS_LINEAR)
    )


class Service:
    """The parts of one worker process."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        target = choose(settings.DEVICE)
        allow_tf32(target)
        self.device = Device(device=target, num_threads=num_threads(settings.TORCH_THREADS))
        self.bundles = Bundles(
            settings.BUNDLES_DIR,
            published=settings.FAMILIES_DIR,
            device=target,
            budget=settings.BUNDLE_BYTES,
            fit_out=_judged_by(settings),
        )
        self.lanes = Lanes(settings=settings, device=self.device, bundles=self.bundles)
        self.previews = Previews(
            device=self.device, bundles=self.bundles, batch=settings.PREVIEW_BATCH
        )
        self.presence = Presence(
            redis_url=settings.REDIS_URL,
            device=self.device,
            bundles=self.bundles,
            step_seconds=settings.STEP_SECONDS,
            serves_people=settings.ROLE == "studio",
        )

    def start(self) -> None:
        """Start, and become ready in the background: loading may take long."""
        if self.settings.ROLE == "workshop":
            os.nice(NICENESS)
        self.device.start()
        self.presence.start()
        if self.settings.ROLE == "workshop":
            self.presence.say("ready")  # nothing to warm up, and no slider to serve
            return
        self.presence.say("starting")
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        for name in self.bundles.names()[:1]:
            try:
                self.device.run(lambda name=name: self._warm(name), urgency=Urgency.PREVIEW)  # type: ignore[misc]
            except DeviceStoppedError:
                return
            except Exception:
                # Jobs for it will be refused one by one, with its code; others may run.
                log.exception("bundle %s cannot be used", name)
        self.previews.start()
        self.presence.say("ready")
        log.info("ready on %s", self.device.device)

    def _warm(self, name: str) -> None:
        bundle = self.bundles.get(name)
        with torch.no_grad():
            bundle.render_and_segment(bundle.probes[:1])

    def stop(self) -> None:
        """Stop claiming; to be called when the process is asked to end."""
        self.lanes.stop()
        self.presence.say("stopping")

    def close(self) -> None:
        """End all threads; to be called once no lane is worked any more."""
        if self.settings.ROLE == "studio":
            self.previews.stop()
        self.device.stop()
        self.presence.stop()
