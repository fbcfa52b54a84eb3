"""Which constants does an edit run with? Those of the paper, of its release, or ours.

A preset names every constant of learning an edit, refining it and inverting a picture.
`paper` is Ling et al. 2021 (EditGAN) with its supplement; `release` what its authors
published; `ours` what this library does unless told otherwise. Where a source is silent the
preset has our value: the paper does not say what its squared difference averages over, nor
whether the last or the best iterate counts.

Not reproduced, because they are faults and no choices: the release resizes feature taps by
nearest pixel while editing though it trained bilinearly, runs its encoder in training mode,
returns an alias of the last iterate as its best, and makes one update fewer than it counts.
What the best iterate became there, the last one, is kept.

| | paper | release | ours |
| --- | --- | --- | --- |
| learn: steps, rate | 100, 0.02 | 30, 0.02 | 60, 0.1 damped |
| learn: starts from | the code | the code | the choices painted |
| learn: rgb, ce, id | 15, 1, 10 | 15, 1, 0 | 15, 1, 10 |
| refine: steps (choices) | 30 (10, 30, 60) | 30 (10, 30) | 30 (10, 30, 60) |
| refine: rgb, ce, id | 5, 1, 5 | 15, 1, 0 | 5, 1, 5 |
| perceptual : squared | 1 : 1 | 10 : 5 | 1 : 1 |
| squared difference over | outside | all pixels | outside |
| encoder pull while learning | 0 | 1 | 0 |
| kept | best | last | best |
| region | changed parts + 5 px | changed pixels + 3 px | what changed parts are about + 5 px |
| inversion: steps | 500 | 500 (tool: 100) | 100 |
| inversion: optimizer | Adam + lookahead, 1e-3 | Adam, peak 0.1 | Adam, peak 0.04 |
| inversion: perceptual, squared | 10, 1 | 10, 1 | 10, 30 |
| inversion: pull | none | to E(G(w)), 1 | to the first guess, 1 |

Pixels of margins are those of a label map of 512; they scale with it. Weights mean the same
across perceptual extractors because each is calibrated (`editing.losses.calibrated`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from editing.errors import EditingError
from editing.inversion.invert import InvertOptions
from editing.optimize import OptimizeOptions
from editing.region import RegionRule


class UnknownPresetError(EditingError):
    """No preset has this name."""

    code = "preset.unknown"


@dataclass(frozen=True, slots=True)
class Preset:
    """The constants of one source.

    Args:
        name: goes into results.
        learn, refine: how an edit is learned, and repaired after applying it.
        invert: how a picture is inverted.
        region: how the region of an edit is found.
        learn_steps, refine_steps, invert_steps: numbers of steps that the source reports on.
        strengths: lowest and highest strength that the source shows.
    """

    name: str
    learn: OptimizeOptions
    refine: OptimizeOptions
    invert: InvertOptions
    region: RegionRule
    learn_steps: tuple[int, ...]
    refine_steps: tuple[int, ...]
    invert_steps: tuple[int, ...]
    strengths: tuple[float, float]

    def with_steps(
        self, *, learn: int | None = None, refine: int | None = None, invert: int | None = None
    ) -> "Preset":
        """Return the preset with other numbers of steps; None keeps its own.

        Raises:
            StepsOutOfRangeError, InversionOptionsError: a number that no run can be made with.
        """
        return replace(
            self,
            learn=self.learn if learn is None else replace(self.learn, steps=learn),
            refine=self.refine if refine is None else replace(self.refine, steps=refine),
            invert=self.invert if invert is None else replace(self.invert, steps=invert),
        )

    def record(self, mode: str) -> dict[str, Any]:
        """Return what a result says of its run: the preset and every constant of `mode`.

        `mode` is "learn", "refine" or "invert".
        """
        return {"preset": self.name, **asdict(getattr(self, mode))}


PAPER = Preset(
    name="paper",
    learn=OptimizeOptions(steps=100, learning_rate=0.02, damping=0.0, tries_choices=False),
    refine=OptimizeOptions(
        steps=30,
        learning_rate=0.02,
        damping=0.0,
        lambda_rgb=5.0,
        lambda_id=5.0,
        tries_choices=False,
    ),
    invert=InvertOptions(
        steps=500,
        learning_rate=1e-3,
        lambda_mse=1.0,
        schedule="constant",
        lookahead=5,
        pull_to="nothing",
    ),
    region=RegionRule(give_way=0.0),
    learn_steps=(100,),
    refine_steps=(10, 30, 60),
    invert_steps=(500,),
    strengths=(-2.0, 2.0),
)

RELEASE = Preset(
    name="release",
    learn=OptimizeOptions(
        steps=30,
        learning_rate=0.02,
        damping=0.0,
        tries_choices=False,
        lambda_id=0.0,
        lambda_perceptual=10.0,
        lambda_mse=5.0,
        mse_over="all",
        lambda_code=1.0,
        keep="last",
    ),
    refine=OptimizeOptions(
        steps=30,
        learning_rate=0.02,
        damping=0.0,
        tries_choices=False,
        lambda_id=0.0,
        lambda_perceptual=10.0,
        lambda_mse=5.0,
        mse_over="all",
        keep="last",
    ),
    invert=InvertOptions(steps=500, learning_rate=0.1, lambda_mse=1.0, pull_to="own_encoding"),
    region=RegionRule(margin_at_512=3, give_way=0.0, of="pixels"),
    learn_steps=(30,),
    refine_steps=(10, 30),
    invert_steps=(100, 500),
    strengths=(-4.0, 4.0),
)

OURS = Preset(
    name="ours",
    learn=OptimizeOptions(),
    refine=OptimizeOptions.for_refining(),
    invert=InvertOptions(),
    region=RegionRule(),
    learn_steps=(30, 60, 100),
    refine_steps=(10, 30, 60),
    invert_steps=(50, 100, 200, 500),
    strengths=(-2.0, 2.0),
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (OURS, PAPER, RELEASE)}
)


def get(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        UnknownPresetError: there is none.
    """
    if name not in PRESETS:
        raise UnknownPresetError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
