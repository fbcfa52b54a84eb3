"""How does a whole bundle come to be? Stages in order, each resumable on its own.

    renders -> regressor, judge -> distil -> sharpen -> encoder -> bundle

`renders` draws the training pictures. `regressor` reads factors and stays in the bundle
for losses and identity; `judge` is a second one that only measures. `distil` and
`sharpen` make the generator, `encoder` inverts it, `bundle` fits the segmentation branch
on sixteen labelled pictures, measures everything and writes the folder.

Every stage keeps a folder of its own below the output folder: checkpoint, JSONL log,
plot, sample sheet.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from editing import families
from editing.errors import EditingError
from editing.generator import Generator, GeneratorConfig
from editing.inversion.encoder import Encoder, EncoderConfig
from editing.regressor import Regressor, RegressorConfig
from editing.training import parallel, recipes
from editing.training import regressor as reading
from editing.training.distil import DistilOptions, distil
from editing.training.encoder import EncoderOptions, start_encoder, train_encoder
from editing.training.model_card import note_stage
from editing.training.parallel import Helpers, Team
from editing.training.regressor import RegressorOptions, train_regressor
from editing.training.renders import RenderPlan, Renders
from editing.training.run import Budget, Clock, Progress, Run
from editing.training.sharpen import SharpenOptions, sharpen
from editing.training.warm_start import read_old, write_columns

# A generator that draws already keeps what it knows at this rate, and learns what is new at
# half the size first, where a step costs a third.
WARM_LR = 4e-3
WARM_GROWTH = ((0.3, 64),)

# Stages with a budget, and their share of the minutes given for all of them.
SHARES = {"regressor": 0.10, "judge": 0.08, "distil": 0.58, "sharpen": 0.16, "encoder": 0.08}

REGRESSOR = RegressorOptions()
JUDGE = RegressorOptions(
    stage="judge", widths=(40, 56, 80, 112), hidden=192, passing_weight=3.0, seed=77
)


class StageMissingError(EditingError):
    """A stage needs the result of an earlier one that has not run."""

    code = "training.stage_missing"


@dataclass(frozen=True, slots=True)
class Plan:
    """One training: which family at which size, where, and with how many processes.

    `start` is the checkpoint or bundle of an older generator to go on from. On a `device`
    other than the CPU one process trains; pictures are drawn by all of them either way.
    """

    family: str
    size: int
    out: Path
    num_renders: int = 40_960
    num_processes: int = 2
    batch: int = 8
    half: bool = True
    seed: int = 1
    start: Path | None = None
    device: str = "cpu"

    @property
    def num_trainers(self) -> int:
        """Return how many processes train the generator together."""
        return self.num_processes if self.device == "cpu" else 1

    @property
    def render_plan(self) -> RenderPlan:
        """Return what the first stage draws."""
        held_out = max(64, min(1024, self.num_renders // 8))
        return RenderPlan(
            self.family, self.size, self.num_renders, num_held_out=held_out, seed=self.seed
        )


@dataclass(frozen=True)
class Pipeline:
    """The stages of one plan; `clock` returns rising seconds."""

    plan: Plan
    clock: Clock

    def renders(self, *, device: str = "cpu") -> Renders:
        """Return the training pictures, drawn or not; batches of them go to `device`."""
        return Renders(self.plan.out / "renders", self.plan.render_plan, device=device)

    def generator_config(self) -> GeneratorConfig:
        """Return the generator's shape by the family's recipe.

        Raises:
            NoRecipeError: the recipe has no such size.
        """
        recipe = recipes.get(self.plan.family)
        if self.plan.size not in recipe.channels:
            raise recipes.NoRecipeError(
                f"{self.plan.family} can be trained at {sorted(recipe.channels)} px"
            )
        code_dim = families.get(self.plan.family).factors.code_dim
        return GeneratorConfig(
            resolution=self.plan.size,
            w_dim=recipe.extra_w + code_dim,
            z_dim=code_dim,
            channels=recipe.channels[self.plan.size],
            mapping="code",
            mapping_layers=4,
            mapping_lr_mul=1.0,
        )

    def regressor_config(self, options: RegressorOptions) -> RegressorConfig:
        """Return a regressor's shape."""
        space = families.get(self.plan.family).factors
        passing = recipes.get(self.plan.family).passing
        return reading.config_for(
            space,
            resolution=self.plan.size,
            lasting=frozenset(space.names) - passing,
            options=options,
        )

    def part_weights(self) -> dict[int, float]:
        """Return the recipe's loss weights by part id."""
        schema = families.get(self.plan.family).schema
        weights = recipes.get(self.plan.family).part_weights
        return {schema.id_of(name): weight for name, weight in weights.items()}

    def draw(self) -> Iterator[int]:
        """Draw the missing training pictures; yield the number of chunks drawn."""
        renders = self.renders()
        write_columns(self.plan.out, renders.family.factors)
        if renders.done.all():
            return
        with self._helpers(_draw_part, (self.plan,)):
            yield from renders.draw(part=0, num_parts=self.plan.num_processes)
        yield from renders.draw()

    def train(
        self, stage: str, budget: Budget, *, checkpoint_seconds: float = 60.0
    ) -> Iterator[Progress]:
        """Train one stage with a budget of its own; closing the iterator stops it."""
        spec = (self.plan, self.clock, stage, budget, checkpoint_seconds)
        note_stage(
            self.plan.out / stage,
            pictures_per_step=self._pictures_per_step(stage),
            start=self.plan.start if stage == "distil" else None,
        )
        if stage in ("distil", "sharpen") and self.plan.num_trainers > 1:
            rendezvous = str(self.plan.out / f".meet-{uuid.uuid4().hex}")
            with self._helpers(_train_part, (rendezvous, *spec)):
                team = parallel.join(0, self.plan.num_processes, rendezvous)
                try:
                    yield from run_stage(*spec, team)
                finally:
                    torch.distributed.destroy_process_group()
                    Path(rendezvous).unlink(missing_ok=True)
        else:
            yield from run_stage(*spec, Team())

    def _pictures_per_step(self, stage: str) -> int:
        if stage in ("distil", "sharpen"):
            return self.plan.batch * self.plan.num_trainers
        if stage == "encoder":
            return EncoderOptions().batch
        return (REGRESSOR if stage == "regressor" else JUDGE).batch

    def has(self, stage: str) -> bool:
        """Return whether a stage has saved anything."""
        return (self.plan.out / stage / "checkpoint.pt").exists()

    def load_generator(self) -> tuple[Generator, str]:
        """Return the averaged generator and the stage it came from, the latest there is.

        Raises:
            StageMissingError: neither stage has saved one.
        """
        for stage in ("sharpen", "distil"):
            state = load_stage(self.plan.out, stage)
            if state is not None:
                generator = Generator(self.generator_config())
                generator.load_state_dict(state["ema"])
                codes = torch.from_numpy(self.renders().codes[:10_000])
                generator.set_w_avg(codes)
                return generator.eval().requires_grad_(False), stage
        raise StageMissingError("train the stage distil first")

    def load_regressor(self, options: RegressorOptions) -> Regressor:
        """Return a trained regressor.

        Raises:
            StageMissingError: it has not been trained.
        """
        state = load_stage(self.plan.out, options.stage)
        if state is None:
            raise StageMissingError(f"train the stage {options.stage} first")
        network = Regressor(self.regressor_config(options))
        network.load_state_dict(state["ema"])
        return network.eval().requires_grad_(False)

    def load_encoder(self, generator: Generator, regressor: Regressor) -> Encoder:
        """Return the encoder, or one that only reads and maps if none was trained yet.

        An encoder trained for an earlier generator keeps its offsets but gets the
        mapping of this one.
        """
        state = load_stage(self.plan.out, "encoder")
        if state is None:
            return start_encoder(generator, regressor, EncoderOptions())
        encoder = Encoder(
            EncoderConfig(generator.config, regressor.config, rank=EncoderOptions().rank)
        )
        encoder.load_state_dict(state["encoder"])
        encoder.mapping.load_state_dict(generator.mapping.state_dict())
        return encoder.eval().requires_grad_(False)

    def _helpers(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> Helpers:
        return Helpers(target, arguments, self.plan.num_processes)


def _draw_part(rank: int, num: int, plan: Plan) -> None:
    parallel.single_thread()
    for _ in Renders(plan.out / "renders", plan.render_plan).draw(part=rank, num_parts=num):
        pass


def _train_part(
    rank: int,
    num: int,
    rendezvous: str,
    plan: Plan,
    clock: Clock,
    stage: str,
    budget: Budget,
    checkpoint_seconds: float,
) -> None:
    team = parallel.join(rank, num, rendezvous)
    for _ in run_stage(plan, clock, stage, budget, checkpoint_seconds, team):
        pass


def run_stage(
    plan: Plan,
    clock: Clock,
    stage: str,
    budget: Budget,
    checkpoint_seconds: float,
    team: Team,
) -> Iterator[Progress]:
    """Run one member's part of a stage."""
    pipeline = Pipeline(plan, clock)
    run = Run(
        plan.out / stage,
        budget,
        clock,
        checkpoint_seconds=checkpoint_seconds,
        is_leader=team.is_leader,
    )
    renders = pipeline.renders(device=plan.device)
    if stage == "distil":
        options = DistilOptions(
            batch=plan.batch, part_weights=pipeline.part_weights(), half=plan.half
        )
        old = None
        if plan.start is not None:
            old = read_old(plan.start)
            options = replace(options, grow=WARM_GROWTH, lr=WARM_LR)
        return distil(pipeline.generator_config(), renders, run, options, team, old=old)
    if stage == "sharpen":
        start = load_stage(plan.out, "distil")
        if start is None:
            raise StageMissingError("train the stage distil first")
        return sharpen(
            pipeline.generator_config(),
            start,
            renders,
            run,
            SharpenOptions(
                batch=plan.batch, part_weights=pipeline.part_weights(), half=plan.half
            ),
            team,
        )
    if stage in ("regressor", "judge"):
        chosen = REGRESSOR if stage == "regressor" else JUDGE
        return train_regressor(pipeline.regressor_config(chosen), renders, run, chosen)
    if stage == "encoder":
        generator, _ = pipeline.load_generator()
        regressor = pipeline.load_regressor(REGRESSOR)
        return train_encoder(generator, regressor, renders, run, EncoderOptions(half=plan.half))
    raise StageMissingError(f"there is no stage {stage!r}")


def load_stage(out: Path, stage: str) -> dict[str, Any] | None:
    """Return the state a stage saved last, None before the first."""
    path = out / stage / "checkpoint.pt"
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state
