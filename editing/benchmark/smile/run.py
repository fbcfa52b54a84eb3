"""What does every method reach? All of them on the same pictures, one result.

Stages, each kept and resumable: the judge is set up on renders; test and tuning pictures are
drawn and inverted; each method is prepared, its strength chosen on the tuning pictures, and
its edits of the test pictures judged; then strengths and refinements are swept on the first
test pictures.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from editing import metrics
from editing.benchmark.smile import examiner, methods, pictures, protocol
from editing.benchmark.smile.examiner import Examiner, Score
from editing.benchmark.smile.methods import EditGan, Method, Setting, Trained
from editing.benchmark.smile.pictures import Pictures
from editing.benchmark.smile.protocol import SEEDS

LEVELS = (0.8, 0.85, 0.9, 0.95)
REFINED = 30


@dataclass(frozen=True)
class Row:
    """One line of the table: a method at one strength on all test pictures."""

    method: str
    strength: float | None
    refinement: int
    data: str
    seconds: float
    score: Score


@dataclass(frozen=True)
class Curve:
    """One method over its strengths, on the first test pictures, from no edit upwards."""

    name: str
    strengths: tuple[float, ...]
    scores: tuple[Score, ...]

    def identity_at(self, accuracy: float) -> float | None:
        """Return the identity at an accuracy, between strengths by straight lines."""
        points = [(score.accuracy, score.identity) for score in self.scores]
        return metrics.at_level(points, accuracy)

    def fid_at(self, accuracy: float) -> float | None:
        """Return the domain FID at an accuracy, between strengths by straight lines."""
        return metrics.at_level([(s.accuracy, s.fid) for s in self.scores], accuracy)


@dataclass
class Report:
    """Everything that was measured; `people` holds some pictures per column to look at."""

    bundle: str
    fingerprint: str
    key: str
    plan: protocol.Protocol
    threshold: float
    reading_accuracy: float
    unrelated_identity: float
    floor: Score
    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    people: dict[str, Tensor] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain JSON, without pictures."""
        return {
            "bundle": self.bundle,
            "fingerprint": self.fingerprint,
            "key": self.key,
            "protocol": asdict(self.plan),
            "judge": {
                "threshold": self.threshold,
                "accuracy_on_renders": self.reading_accuracy,
                "identity_of_unrelated": self.unrelated_identity,
            },
            "floor": asdict(self.floor),
            "rows": [asdict(row) for row in self.rows],
            "curves": [asdict(curve) for curve in self.curves],
            "at_equal_accuracy": [
                {
                    "method": curve.name,
                    "accuracy": level,
                    "identity": curve.identity_at(level),
                    "fid": curve.fid_at(level),
                }
                for curve in self.curves
                for level in LEVELS
            ],
        }


def run(setting: Setting, *, num_shown: int = 6) -> Iterator[Report]:
    """Yield the report as it grows, after every row and curve; the last one is whole.

    Raises:
        BundleError: the bundle lacks its judge, its regressor or a smile vector.
    """
    bundle, family, plan, store = setting.bundle, setting.family, setting.plan, setting.store
    entrants = methods.all_methods(setting)
    ours = next(method for method in entrants if isinstance(method, EditGan))
    assert ours.vector.parts is not None  # Fails early where there is no vector.
    judge = examiner.appoint(bundle, family, plan, store)
    test = pictures.gather(bundle, family, plan, store, which="test")
    tuning = pictures.gather(bundle, family, plan, store, which="tuning")
    report = Report(
        bundle=bundle.name,
        fingerprint=bundle.fingerprint,
        key=protocol.key(bundle, family),
        plan=plan,
        threshold=judge.threshold,
        reading_accuracy=judge.reading_accuracy,
        unrelated_identity=judge.unrelated_identity,
        floor=_floor(setting, judge),
    )
    report.people["original"] = test.images[:num_shown]

    def judged(
        name: str,
        images: Tensor,
        *,
        strength: float | None = None,
        refinement: int = 0,
        trained: Trained | None = None,
    ) -> Report:
        known = trained or Trained("–", 0.0)
        score = judge.score(images, test.images)
        report.rows.append(Row(name, strength, refinement, known.data, known.seconds, score))
        shown = name if strength is None else f"{name}, {strength:g}"
        report.people[f"{shown} + {refinement}" if refinement else shown] = images[:num_shown]
        return report

    best, _ = protocol.draw(
        family, protocol.smiling(family, test.factors), size=bundle.resolution
    )
    yield judged("the renderer itself", best)
    yield judged("inversion, no edit", pictures.render(bundle, test.w_plus))
    tuned: dict[str, float] = {}
    for method in entrants:
        trained = method.prepare()
        strength = 1.0
        if method.strengths:
            strength = methods.tuned_strength(method, tuning, accuracy=plan.accuracy)
            tuned[method.name] = strength
        if method is not ours:
            yield judged(
                method.name,
                method.edit(test, strength),
                strength=strength if method.strengths else None,
                trained=trained,
            )
            continue
        for value in sorted({1.0, strength}):
            edited = ours.edit(test, value)
            yield judged(ours.name, edited, strength=value, trained=trained)
            refined = ours.refine(test, value, (REFINED,), name="table")[REFINED]
            yield judged(
                ours.name, refined, strength=value, refinement=REFINED, trained=trained
            )
    first = test[: plan.num_curve]
    for method in entrants:
        if method.strengths and method is not ours:
            report.curves.append(_curve(judge, method, first))
            yield report
    for curve in _our_curves(judge, ours, first):
        report.curves.append(curve)
    yield report


def _floor(setting: Setting, judge: Examiner) -> Score:
    """Return the score of other smiling renders, as many as are edited: nothing is better."""
    plan, family = setting.plan, setting.family
    factors = protocol.people(
        family, plan.num_test, seed=SEEDS["floor"], smile=protocol.SMILING
    )
    images, _ = protocol.draw(family, factors, size=setting.bundle.resolution)
    return judge.score(images, images)


def _curve(judge: Examiner, method: Method, given: Pictures) -> Curve:
    untouched = judge.score(pictures.render(method.setting.bundle, given.w_plus), given.images)
    edited = [judge.score(method.edit(given, s), given.images) for s in method.strengths]
    return Curve(method.name, (0.0, *method.strengths), (untouched, *edited))


def _our_curves(judge: Examiner, ours: EditGan, given: Pictures) -> Iterator[Curve]:
    plain = _curve(judge, ours, given)
    yield plain
    refinements = ours.setting.plan.refinements
    by_strength = [
        ours.refine(given, strength, refinements, name="curve") for strength in ours.strengths
    ]
    for steps in refinements:
        scores = [judge.score(found[steps], given.images) for found in by_strength]
        yield Curve(f"{ours.name} + {steps}", plain.strengths, (plain.scores[0], *scores))
