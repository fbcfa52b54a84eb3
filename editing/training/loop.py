"""How does a stage run? Steps until its budget is spent, with saves, logs and sheets.

A stage brings what is its own: the parts to keep in the checkpoint, one step, a report.
The loop brings what all stages share, so that every one of them resumes at any second and
ends, by the same number of steps, with the same bits as if it had never stopped: randomness
comes from the number of the step, everything else from the checkpoint.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from editing.errors import EditingError
from editing.training import sheets
from editing.training.parallel import Team
from editing.training.run import Progress, Run, StopWatch, step_generator

LOG_EVERY = 50


class DivergedError(EditingError):
    """The losses of a stage stopped being numbers."""

    code = "training.diverged"


class Stateful(Protocol):
    """Something that a checkpoint keeps: a network, an optimizer."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state."""

    def load_state_dict(self, state: Any) -> Any:
        """Take a state up."""


class Stage(Protocol):
    """What is a stage's own."""

    name: str
    seed: int

    def parts(self) -> Mapping[str, Stateful]:
        """Return everything that a checkpoint keeps, by name."""

    def step(self, step: int, fraction: float, random: torch.Generator) -> dict[str, Tensor]:
        """Train one step at `fraction` of the budget; return its figures, scalars."""

    def report(self, run: Run) -> dict[str, float]:
        """Write the sample sheet into the run's folder and return the figures beside it."""

    def finish(self) -> None:
        """Do what the last checkpoint should hold."""


def train(stage: Stage, run: Run, team: Team | None = None) -> Iterator[Progress]:
    """Train `stage`; yield after every step; resume where `run` stopped.

    Closing the iterator saves; a kill loses what came after the last save.

    Raises:
        DivergedError: a loss is infinite or no number; the checkpoint before it is kept.
    """
    team = team or Team()
    parts = stage.parts()
    step, seconds = 0, 0.0
    state = run.load()
    if state is not None:
        step, seconds = state["step"], state["seconds"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
    is_finished = state is not None and state.get("finished", False)
    watch = StopWatch(run.clock, seconds)

    def save(**more: bool) -> None:
        state = {name: part.state_dict() for name, part in parts.items()}
        run.save({"step": step, "seconds": watch.seconds, **state, **more})

    def report() -> None:
        figures = stage.report(run)
        run.log(Progress(stage.name, step, 0.0, watch.seconds, figures))
        sheets.write_plot(run.folder / "log.jsonl", run.folder / "loss.png")

    while True:
        fraction = run.budget.fraction(step=step, seconds=team.from_leader(watch.seconds))
        if fraction >= 1:
            break
        is_finished = False
        random = step_generator(stage.seed, step, team.rank)
        tensors = stage.step(step, fraction, random)
        values = torch.stack([tensor.detach() for tensor in tensors.values()]).tolist()
        figures = dict(zip(tensors, values, strict=True))
        if not all(math.isfinite(value) for value in figures.values()):
            raise DivergedError(
                f"{stage.name} diverged at step {step}; what was saved before is kept. Start "
                "again with a lower learning rate or a larger batch"
            )
        step += 1
        spent = run.budget.fraction(step=step, seconds=watch.seconds)
        progress = Progress(stage.name, step, spent, watch.seconds, figures)
        if step % LOG_EVERY == 0:
            run.log(progress)
        if run.is_due("checkpoint", run.checkpoint_seconds):
            save()
        if run.is_leader and run.is_due("sheet", run.sheet_seconds):
            report()
        try:
            yield progress
        except GeneratorExit:  # somebody stopped the training, and nothing need be lost
            save()
            raise
    if is_finished:
        return
    stage.finish()
    save(finished=True)
    if run.is_leader:
        report()
