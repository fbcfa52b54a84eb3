"""A project as its steps leave it, with a worker that hands in results made up here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import own_families, rows
from tests.factories.rows import People
from webapp.common import artifacts
from webapp.jobs import contract, worker

SIZE = own_families.SIZE
NUM = 6


@dataclass
class Workshop:
    """Somebody's browser and the project they made."""

    who: People
    browser: Client
    id: str

    @property
    def place(self) -> str:
        return f"/family-projects/{self.id}"

    def read(self, path: str = "") -> Any:
        return own_families.read(self.browser, self.place + path)

    def send(self, path: str, body: Any = None) -> Any:
        return own_families.send(self.browser, self.place + path, body)

    def samples(self) -> Any:
        return self.read("/samples")

    def step(self, key: str) -> tuple[str, str]:
        found = next(step for step in self.read()["steps"] if step["key"] == key)
        return found["state"], found["why"]


def hand_in(result: contract.JobResult, *, lane: str = "workshop") -> worker.ClaimedJob:
    """End the job that waits with `result`, as a worker would."""
    job = worker.claim(lane, now=timezone.now(), lease_seconds=30)
    assert job is not None, f"nothing waits in {lane}"
    assert worker.finish(job, result, now=timezone.now())
    return job


def png(number: int) -> str:
    data = rows.picture_bytes(size=(SIZE, SIZE)) + bytes([number])
    return artifacts.put(data, content_type="image/png")


def brought() -> contract.Brought:
    return contract.Brought(
        source="checkpoint", resolution=SIZE, label_size=SIZE, num_layers=8, w_dim=8,
        fingerprint="e" * 64, warnings=("Look at it.",),
    )  # fmt: skip


def sampled(num: int = NUM, proposed: int = 3) -> contract.Sampled:
    return contract.Sampled(
        pictures=tuple(
            contract.SampledPicture(
                number=number, picture=png(number), thumbnail=png(number + 100),
                place=number + 1 if number < proposed else None,
                reason="It is unlike the others." if number < proposed else "",
            )
            for number in range(num)
        )
    )  # fmt: skip


def branch_trained(numbers: list[int]) -> contract.BranchTrained:
    digest = artifacts.put(own_families.label_map(3), content_type="image/png")
    return contract.BranchTrained(
        figures={"left_out_miou": 0.7},
        explanation="How it was measured.",
        predictions=tuple(
            contract.Prediction(
                number=number, label_map=digest, doubt=png(200 + number),
                uncertainty=1.0 / (rank + 1), sentence="Unsure about the ears.",
            )
            for rank, number in enumerate(numbers)
        ),
    )  # fmt: skip


def encoder_trained() -> contract.EncoderTrained:
    shown = contract.Reconstruction(original=png(1), reconstruction=png(2), error=0.1)
    return contract.EncoderTrained(
        figures={"psnr_samples_db": 21.5}, reconstructions=(shown,), sheet=png(3)
    )


@pytest.fixture
def empty(who: People) -> Workshop:
    """A project with nothing in it."""
    browser = rows.client(who.owner)
    made = own_families.send(browser, "/family-projects", {"title": "Foxes"})
    return Workshop(who, browser, made["id"])


@pytest.fixture
def with_samples(empty: Workshop) -> Workshop:
    """A project with a generator, six samples of which three are proposed, and parts."""
    own_families.upload(
        empty.browser, empty.id, b"checkpoint", kind="checkpoint", file_name="foxes.pkl"
    )
    empty.send("/bring", {})
    hand_in(brought())
    empty.send("/sample", {})
    hand_in(sampled())
    own_families.set_parts(empty.browser, empty.read())
    return empty


@pytest.fixture
def labeled(with_samples: Workshop) -> Workshop:
    """The same, the three proposed samples labelled."""
    for sample in with_samples.samples()[:3]:
        data = own_families.label_map(sample["number"])
        answer = own_families.save_label_map(with_samples.browser, sample, data)
        assert answer.status_code == 200, answer.content
    return with_samples


@pytest.fixture
def publishable(labeled: Workshop) -> Workshop:
    """The same, with a branch and an encoder."""
    labeled.send("/train-branch")
    hand_in(branch_trained([5, 3, 4]))
    labeled.send("/train-encoder", {})
    hand_in(encoder_trained())
    return labeled


@pytest.fixture
def publish(bundle: Any, settings: Any) -> Callable[[Workshop], str]:
    """Publish a project as a worker would, its bundle's manifest included; return its name."""

    def run(workshop: Workshop) -> str:
        workshop.send("/publish", {"name": "foxes", "title": "Our foxes"})
        job = worker.claim("workshop", now=timezone.now(), lease_seconds=30)
        assert job is not None
        assert isinstance(job.request, contract.PublishFamily)
        name = job.request.bundle
        rows.write_manifest(settings.FAMILIES_DIR, name=name, family=job.request.family)
        result = contract.PublishedFamily(
            bundle=name, samples=(rows.picture(7),), figures={"inversion_psnr_db": 24.0},
            card={"sentences": ["Made here."]},
        )  # fmt: skip
        assert worker.finish(job, result, now=timezone.now())
        return name

    return run
