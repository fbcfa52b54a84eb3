import threading
import time

import pytest
import torch

from gpu_worker.device import (
    Device,
    DeviceLostError,
    DeviceStoppedError,
    OutOfMemoryError,
    Urgency,
    translate,
)


def hold(device: Device) -> tuple[threading.Event, threading.Thread]:
    """Keep the device busy until the event is set."""
    release, busy = threading.Event(), threading.Event()

    def unit() -> None:
        busy.set()
        release.wait(5)

    thread = threading.Thread(target=lambda: device.run(unit, urgency=Urgency.BATCH))
    thread.start()
    assert busy.wait(5)
    return release, thread


def queue(device: Device, order: list[str], name: str, urgency: Urgency) -> threading.Thread:
    num_waiting = len(device._waiting)
    thread = threading.Thread(
        target=lambda: device.run(lambda: order.append(name), urgency=urgency)
    )
    thread.start()
    while len(device._waiting) == num_waiting:
        time.sleep(0.001)
    return thread


def test_previews_come_before_interactive_and_batch_work(device: Device) -> None:
    release, holding = hold(device)
    order: list[str] = []
    threads = [
        queue(device, order, "batch", Urgency.BATCH),
        queue(device, order, "interactive", Urgency.INTERACTIVE),
        queue(device, order, "preview", Urgency.PREVIEW),
    ]

    release.set()
    for thread in [holding, *threads]:
        thread.join(5)

    assert order == ["preview", "interactive", "batch"]


def test_a_unit_that_waited_long_is_not_passed_over_again(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, holding = hold(device)
    order: list[str] = []
    first = queue(device, order, "batch", Urgency.BATCH)
    monkeypatch.setattr(device._waiting[0], "since", time.monotonic() - 60)
    second = queue(device, order, "preview", Urgency.PREVIEW)

    release.set()
    for thread in (holding, first, second):
        thread.join(5)

    assert order == ["batch", "preview"]


def test_long_work_lets_more_urgent_units_through_and_no_others(device: Device) -> None:
    order: list[str] = []
    threads: list[threading.Thread] = []

    def long_work() -> None:
        threads.append(queue(device, order, "preview", Urgency.PREVIEW))
        threads.append(queue(device, order, "batch", Urgency.BATCH))
        device.breathe()
        order.append("long work")

    device.run(long_work, urgency=Urgency.BATCH)
    for thread in threads:
        thread.join(5)

    assert order == ["preview", "long work", "batch"]


def test_long_work_waits_a_moment_for_the_next_step_of_a_running_job(device: Device) -> None:
    order: list[str] = []

    def job() -> None:
        for number in range(3):
            device.run(lambda number=number: order.append(f"step {number}"),  # type: ignore[misc]
                       urgency=Urgency.INTERACTIVE)  # fmt: skip
            time.sleep(0.002)  # what a job does between its steps

    thread = threading.Thread(target=job)

    def long_work() -> None:
        thread.start()
        while not device._waiting:
            time.sleep(0.001)
        device.breathe()
        order.append("long work")

    device.run(long_work, urgency=Urgency.BATCH)
    thread.join(5)

    assert order == ["step 0", "step 1", "step 2", "long work"]


def test_long_work_gets_its_turn_however_much_is_urgent(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpu_worker.device.BREATH_SECONDS", 0.1)
    stopped = threading.Event()

    def job() -> None:
        while not stopped.is_set():
            device.run(lambda: None, urgency=Urgency.INTERACTIVE)

    thread = threading.Thread(target=job)
    thread.start()

    device.run(device.breathe, urgency=Urgency.BATCH)  # returns at all

    stopped.set()
    thread.join(5)


def test_an_error_reaches_whoever_waits_and_the_thread_goes_on(device: Device) -> None:
    def fail() -> None:
        raise KeyError("no such layer")

    with pytest.raises(KeyError, match="no such layer"):
        device.run(fail, urgency=Urgency.PREVIEW)

    assert device.run(lambda: 7, urgency=Urgency.PREVIEW) == 7


def test_units_run_on_one_thread_whoever_asks(device: Device) -> None:
    names: set[str] = set()

    def note() -> None:
        names.add(threading.current_thread().name)

    threads = [
        threading.Thread(target=lambda: device.run(note, urgency=Urgency.PREVIEW))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert names == {"device"}


def test_a_stopping_device_begins_nothing_new(device: Device) -> None:
    device.stop()

    with pytest.raises(DeviceStoppedError):
        device.run(lambda: 1, urgency=Urgency.PREVIEW)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemoryError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemoryError),
        (RuntimeError("CUDA error: device-side assert triggered"), DeviceLostError),
        (RuntimeError("an illegal memory access was encountered"), DeviceLostError),
        (RuntimeError("shapes do not match"), RuntimeError),
        (ValueError("CUDA error"), ValueError),
    ],
)
def test_each_device_error_has_its_meaning(error: Exception, meaning: type[Exception]) -> None:
    assert type(translate(error)) is meaning
