"""How does each method make the same pictures smile, and what does it have to know first?

Each method is prepared once (learned, fitted or trained, and kept in the store) and gives
pictures for a strength. Strengths that are searched are searched on the tuning pictures, by
the bundle's own factor reader; the judge never takes part.

Letters: N pictures, R their side, L layers of `w_plus`, D = w_dim.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from editing import optimize
from editing.benchmark.baselines import distillation, interfacegan, local_editing, maskgan
from editing.benchmark.smile import pictures, protocol, refining
from editing.benchmark.smile.pictures import Pictures
from editing.benchmark.smile.protocol import ATTRIBUTE, SEEDS, Protocol
from editing.benchmark.smile.store import Store
from editing.bundle import Bundle, BundleError
from editing.families.family import Family
from editing.regressor import Regressor
from editing.training.run import Budget, Progress, Run
from editing.vectors import EditVector

# What InterFaceGAN is conditioned on, as far as the family has it.
CONDITIONS = ("mouth_open", "glasses", "age")
# Parts that LocalEditing borrows, as far as the family has them.
MOUTH = ("upper_lip", "lower_lip", "mouth_interior", "teeth")
# The painting that undoes a smile, for simulated edits.
OPPOSITE = "frown"
POSE = ("yaw", "pitch", "roll")


@dataclass(frozen=True)
class Setting:
    """What every method is given: networks, family, amounts, and where results are kept.

    `clock` returns rising seconds of this process, by which trainings are measured.
    """

    bundle: Bundle
    family: Family
    plan: Protocol
    store: Store
    clock: Callable[[], float] = time.process_time

    @property
    def reader(self) -> Regressor:
        """Return the network by which methods learn attributes and choose strengths.

        Raises:
            BundleError: the bundle has none.
        """
        if self.bundle.regressor is None:
            raise BundleError("the bundle has no regressor to read attributes with")
        return self.bundle.regressor

    def column(self, factor: str) -> int:
        """Return the code column of a factor: the number, or "none" of a choice."""
        return self.family.factors.columns[factor].start

    def run(self, name: str) -> Run:
        """Return where a training lives and how long it may take."""
        seconds = self.plan.train_seconds
        folder = self.store.folder / f"{name}-{seconds:g}-seconds"
        return Run(folder, Budget(seconds=seconds), self.clock, checkpoint_seconds=20.0)

    @cached_property
    def samples(self) -> tuple[Tensor, Tensor]:
        """Return w of generated people (num_samples, D) and what is read off their pictures."""
        factors = protocol.people(
            self.family, self.plan.num_samples, seed=SEEDS["training"], smile=protocol.ANY
        )

        def make(rows: slice) -> dict[str, Tensor]:
            w = self.map(self.family.factors.encode(factors[rows]))
            images = pictures.render(self.bundle, self.bundle.generator.broadcast(w))
            return {"w": w, "read": self.read(images)}

        found = self.store.keep_chunks(
            f"samples-{self.plan.num_samples}", self.plan.num_samples, make, chunk=256
        )
        return found["w"], found["read"]

    @torch.no_grad()
    def map(self, code: Tensor) -> Tensor:
        """Return w (N, D) of factor codes."""
        return self.bundle.generator.map(code.to(self.bundle.device))

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """Return the factor codes (N, C) that the reader reads off pictures."""
        return torch.cat([self.reader.code(part) for part in images.split(64)])


@dataclass(frozen=True)
class Trained:
    """What a method needed: data in words, and seconds of training on one core."""

    data: str
    seconds: float


class Method(ABC):
    """One way to make people smile. `strengths` are its sweep; empty if it has no dial."""

    name = ""
    strengths: tuple[float, ...] = ()

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    @abstractmethod
    def prepare(self) -> Trained:
        """Learn, fit or train what is needed, or read it back from the store."""

    @abstractmethod
    def edit(self, given: Pictures, strength: float) -> Tensor:
        """Return the edited pictures (N, 3, R, R)."""


class EditGan(Method):
    """Ours: the bundle's smile vector, learned from one picture that was painted on."""

    name = "EditGAN"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.strengths = setting.plan.strengths

    @cached_property
    def vector(self) -> EditVector:
        """Return the vector.

        Raises:
            BundleError: the bundle has none.
        """
        found = self.setting.bundle.vectors().get(ATTRIBUTE)
        if found is None:
            raise BundleError(
                "the bundle has no smile vector; run `python -m editing vectors` first"
            )
        return found

    def prepare(self) -> Trained:
        """Return what the vector was learned from."""
        how = self.vector.card.get("learned_from", {})
        return Trained(f"1 painted picture, {how.get('steps', '?')} steps", 0.0)

    def edit(self, given: Pictures, strength: float) -> Tensor:
        """Return the pictures with the vector added, unrefined."""
        codes = optimize.apply(given.w_plus, [(self.vector.offset, strength)])
        return pictures.render(self.setting.bundle, codes)

    def refine(
        self, given: Pictures, strength: float, steps: Sequence[int], *, name: str
    ) -> dict[int, Tensor]:
        """Return the refined pictures for each number of steps, kept under `name`."""
        bundle = self.setting.bundle

        def make(rows: slice) -> dict[str, Tensor]:
            codes = refining.refine(
                bundle,
                given.w_plus[rows],
                self.vector.offset,
                strength,
                parts=self.vector.parts,
                steps=steps,
            )
            return {str(count): code for count, code in codes.items()}

        counts = "-".join(str(count) for count in steps)
        # Of these inversions: quick and full protocols share a store.
        place = f"refined/{name}-of-{self.setting.plan.invert_steps}-at-{strength:g}-{counts}"
        place += f"-steps-{self.vector.content_hash[:8]}"
        codes = self.setting.store.keep_chunks(place, len(given), make, chunk=8)
        return {int(count): pictures.render(bundle, code) for count, code in codes.items()}


class InterFaceGan(Method):
    """A linear direction of the code, conditioned on what goes along with smiling."""

    name = "InterFaceGAN"
    strengths = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    conditions: tuple[str, ...] = CONDITIONS

    @cached_property
    def direction(self) -> interfacegan.Direction:
        """Return the direction."""
        codes, read = self.setting.samples
        names = [n for n in self.conditions if n in self.setting.family.factors.columns]
        columns = [self.setting.column(name) for name in (ATTRIBUTE, *names)]
        return interfacegan.fit(codes, read[:, columns])

    def prepare(self) -> Trained:
        """Fit the boundaries."""
        begun = self.setting.clock()
        assert self.direction is not None
        data = f"{len(self.setting.samples[0])} generated pictures with attributes read off"
        return Trained(data, self.setting.clock() - begun)

    def edit(self, given: Pictures, strength: float) -> Tensor:
        """Return the pictures moved along the direction."""
        codes = interfacegan.edit(given.w_plus, self.direction, strength)
        return pictures.render(self.setting.bundle, codes)


class PlainInterFaceGan(InterFaceGan):
    """The same without conditions."""

    name = "InterFaceGAN, unconditioned"
    conditions = ()


class LocalEditing(Method):
    """The mouth borrowed from a smiling person with a similar pose."""

    name = "LocalEditing"
    strengths = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    resolution = 32
    num_clusters = 24
    num_fitted = 128
    num_references = 256

    @cached_property
    def catalogue(self) -> local_editing.Catalogue:
        """Return which channels are about the mouth."""
        bundle = self.setting.bundle
        w, _ = self.setting.samples
        schema = self.setting.family.schema
        named = {part.name: part.id for part in schema.parts}
        parts = frozenset(named[name] for name in MOUTH if name in named) or frozenset(
            {max(named.values())}
        )
        codes = bundle.generator.broadcast(w[: self.num_fitted])
        return local_editing.fit(
            bundle,
            codes,
            parts,
            resolution=min(self.resolution, bundle.resolution),
            num_clusters=self.num_clusters,
            generator=torch.Generator().manual_seed(SEEDS["training"]),
        )

    @cached_property
    def references(self) -> tuple[Tensor, Tensor]:
        """Return w of smiling generated people, and their poses."""
        w, read = self.setting.samples
        smiling = read[:, self.setting.column(ATTRIBUTE)].topk(
            min(self.num_references, len(w) // 4)
        )
        return w[smiling.indices], read[smiling.indices][:, self._pose_columns()]

    def prepare(self) -> Trained:
        """Cluster the features."""
        begun = self.setting.clock()
        overlap = self.catalogue.overlap
        data = (
            f"{self.num_fitted} generated pictures without labels, "
            f"{len(self.references[0])} smiling references (cluster overlap {overlap:.2f})"
        )
        return Trained(data, self.setting.clock() - begun)

    def edit(self, given: Pictures, strength: float) -> Tensor:
        """Return the pictures with the reference's mouth; `strength` is the query parameter."""
        bundle = self.setting.bundle
        w, poses = self.references
        own = self.setting.read(given.images)[:, self._pose_columns()]
        rows = local_editing.nearest(own, poses)
        references = bundle.generator.broadcast(w[rows])
        return local_editing.edit(
            bundle, given.w_plus, references, self.catalogue, query=strength
        )

    def _pose_columns(self) -> list[int]:
        known = self.setting.family.factors.columns
        return [known[name].start for name in POSE if name in known] or [0]


class Distillation(Method):
    """An image-to-image network trained on generated pairs."""

    name = "StyleGAN2-Distillation"

    @cached_property
    def network(self) -> distillation.Distilled:
        """Return the network, untrained until `prepare`."""
        return distillation.Distilled()

    def prepare(self) -> Trained:
        """Make the pairs and train."""
        pairs = self._pairs()
        run = self.setting.run(f"distillation-{len(pairs)}")
        steps = distillation.train(self.network, pairs, self.setting.bundle.perceptual, run)
        follow(self.setting.store, self.name, steps)
        return Trained(f"{len(pairs)} generated pairs", trained_seconds(run))

    def edit(self, given: Pictures, strength: float) -> Tensor:
        """Return what the network makes of the pictures."""
        return distillation.edit(self.network, given.images)

    def _pairs(self) -> distillation.Pairs:
        setting = self.setting
        w, read = setting.samples
        smile = read[:, setting.column(ATTRIBUTE)]
        way = distillation.direction(w, smile)
        low, high = interfacegan.extremes(smile, 0.35)
        # From the least smiling ones to the mean of the most smiling fifth.
        step = (smile[high].mean() - smile[low]) / (
            smile[interfacegan.extremes(smile, 0.2)[1]].mean()
            - smile[interfacegan.extremes(smile, 0.2)[0]].mean()
        )

        def make(rows: slice) -> dict[str, Tensor]:
            chosen = low[rows]
            before = setting.bundle.generator.broadcast(w[chosen])
            after = before + step[rows][:, None, None] * way
            images = [pictures.render(setting.bundle, codes) for codes in (before, after)]
            codes = [setting.read(image) for image in images]
            moved = (codes[1] - codes[0]).abs()
            moved[:, setting.column(ATTRIBUTE)] = 0
            column = setting.column(ATTRIBUTE)
            return {
                "before": to_bytes(images[0]),
                "after": to_bytes(images[1]),
                "from": codes[0][:, column],
                "to": codes[1][:, column],
                "others": moved.max(dim=1).values,
            }

        made = setting.store.keep_chunks(f"pairs-{len(low)}", len(low), make, chunk=256)
        middle = float(smile.median())
        good = distillation.is_good_pair(
            made["from"], made["to"], level=middle, others=made["others"]
        )
        return distillation.Pairs(made["before"][good], made["after"][good])


class MaskGan(Method):
    """A generator of pictures from label maps, given a repainted map."""

    name = "MaskGAN"

    @cached_property
    def network(self) -> maskgan.MaskGan:
        """Return the network, untrained until `prepare`."""
        return maskgan.MaskGan(self.setting.bundle.num_parts)

    def prepare(self) -> Trained:
        """Draw renders with their label maps, paint on them, and train."""
        data = self._data()
        run = self.setting.run(f"maskgan-{len(data)}")
        steps = maskgan.train(self.network, data, self.setting.bundle.perceptual, run)
        follow(self.setting.store, self.name, steps)
        return Trained(f"{len(data)} renders with exact label maps", trained_seconds(run))

    def edit(self, given: Pictures, strength: float) -> Tensor:
        """Return the pictures redrawn with a smile painted on their exact label maps."""
        painted = self._painted(ATTRIBUTE, given.labels)
        return maskgan.edit(self.network, given.images, given.labels, painted)

    def _painted(self, rule: str, labels: Tensor) -> Tensor:
        family = self.setting.family
        return maskgan.paint(family.painting_rules[rule], labels, family.schema)

    def _data(self) -> maskgan.Masked:
        setting, num = self.setting, self.setting.plan.num_renders
        factors = protocol.people(setting.family, num, seed=SEEDS["masks"], smile=protocol.ANY)
        rules = setting.family.painting_rules
        opposite = OPPOSITE if OPPOSITE in rules else ATTRIBUTE

        def make(rows: slice) -> dict[str, Tensor]:
            images, labels = protocol.draw(
                setting.family, factors[rows], size=setting.bundle.resolution
            )
            return {
                "images": to_bytes(images),
                "labels": labels,
                "raised": self._painted(ATTRIBUTE, labels),
                "lowered": self._painted(opposite, labels),
            }

        made = setting.store.keep_chunks(f"masks-{num}", num, make, chunk=256)
        return maskgan.Masked(made["images"], made["labels"], made["raised"], made["lowered"])


def all_methods(setting: Setting) -> list[Method]:
    """Return the methods in the order of the table."""
    kinds = (MaskGan, LocalEditing, InterFaceGan, PlainInterFaceGan, Distillation, EditGan)
    return [kind(setting) for kind in kinds]


def tuned_strength(method: Method, tuning: Pictures, *, accuracy: float) -> float:
    """Return the weakest strength of the sweep at which enough tuning pictures smile.

    The bundle's reader decides who smiles: above the median of generated people. If no
    strength is enough, the one that makes most people smile, the weakest of equals.
    """
    _, read = method.setting.samples
    column = method.setting.column(ATTRIBUTE)
    level = read[:, column].median()
    found: list[tuple[float, float]] = []
    for strength in method.strengths:
        seen = method.setting.read(method.edit(tuning, strength))[:, column]
        share = float((seen > level).float().mean())
        if share >= accuracy:
            return strength
        found.append((share, -strength))
    return -max(found)[1]


def follow(store: Store, name: str, steps: Iterator[Progress]) -> None:
    """Run a training to its end, telling the store's listener."""
    for progress in steps:
        store.progress(f"training {name}", progress.fraction)


def trained_seconds(run: Run) -> float:
    """Return how long a training has run in all, interruptions left out."""
    state = run.load()
    return float(state["seconds"]) if state else 0.0


def to_bytes(image: Tensor) -> Tensor:
    """Return pictures in [-1, 1] as uint8, rounded to the nearest byte."""
    return (image.clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)
