"""A worker's parts in this process, on the tiny family, with real rows behind them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch

from editing.bundle import Bundle
from gpu_worker.bundles import Bundles
from gpu_worker.device import Device
from gpu_worker.lanes import Lanes
from gpu_worker.settings import WorkerSettings, read_settings
from tests.factories import families
from tests.servers import Servers
from webapp.accounts.models import Team, User
from webapp.images.models import Image


@pytest.fixture
def settings_of_worker() -> WorkerSettings:
    return read_settings(os.environ)


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device(device=torch.device("cpu"), num_threads=1)
    device.start()
    yield device
    device.stop()


@pytest.fixture
def bundles(
    real_servers: Servers, tiny_family: Bundle, settings_of_worker: WorkerSettings
) -> Bundles:
    return Bundles(
        real_servers.bundles,
        published=settings_of_worker.FAMILIES_DIR,
        device=torch.device("cpu"),
        budget=1 << 30,
    )


@pytest.fixture
def lanes(settings_of_worker: WorkerSettings, device: Device, bundles: Bundles) -> Lanes:
    def die(code: int) -> None:
        raise AssertionError(f"the process would have ended with {code}")

    return Lanes(settings=settings_of_worker, device=device, bundles=bundles, die=die)


@dataclass(frozen=True)
class Studio:
    """A team with one picture to work on."""

    owner: User
    team: Team
    image: Image
    bundle: Bundle


@pytest.fixture
def studio(db: None, tiny_family: Bundle) -> Studio:
    owner, team = families.a_team()
    return Studio(owner, team, families.a_picture(owner, team, tiny_family), tiny_family)
