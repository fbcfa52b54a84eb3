"""How long does a stage run, where does it keep its state, and what does it report?

A stage is a generator of `Progress`: closing it, or killing its process, loses at most
what happened since its last checkpoint. Its budget is counted in its own seconds of
training (or in steps, where results must repeat exactly), both kept in the checkpoint.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much training a stage gets: `seconds` on `clock`, or exactly `steps`."""

    seconds: float | None = None
    steps: int | None = None

    def fraction(self, *, step: int, seconds: float) -> float:
        """Return how much of the budget is spent, from 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.seconds is not None
        return min(1.0, seconds / max(self.seconds, 1e-9))


@dataclass(frozen=True, slots=True)
class Progress:
    """What a stage reports after every step."""

    stage: str
    step: int
    fraction: float
    seconds: float
    figures: dict[str, float]

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds of training left at this pace, None before any are spent."""
        if self.fraction <= 0:
            return None
        return self.seconds * (1 - self.fraction) / self.fraction


@dataclass
class Run:
    """Where a stage lives (`folder`), how long it may take and how often it saves.

    `clock` returns rising seconds. `checkpoint_seconds` of 0 saves after every step.
    """

    folder: Path
    budget: Budget
    clock: Clock
    checkpoint_seconds: float = 60.0
    sheet_seconds: float = 180.0
    is_leader: bool = True
    _last: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def is_due(self, what: str, every_seconds: float) -> bool:
        """Return whether `what` is due again, and start its next wait if so."""
        now = self.clock()
        due = now - self._last.setdefault(what, now) >= every_seconds
        if due:
            self._last[what] = now
        return due

    @property
    def checkpoint_path(self) -> Path:
        """Return where the stage's state is kept."""
        return self.folder / "checkpoint.pt"

    def load(self) -> dict[str, Any] | None:
        """Return the state saved last, None before the first.

        The log forgets what came after it, since those steps will be taken again.
        """
        if not self.checkpoint_path.exists():
            self._forget_log(after=0)
            return None
        state: dict[str, Any] = torch.load(
            self.checkpoint_path, weights_only=True, map_location="cpu"
        )
        self._forget_log(after=state["step"])
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keep `state`; a kill at any moment leaves the old or the new one, whole."""
        if not self.is_leader:
            return
        partial = self.checkpoint_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint_path)

    def log(self, progress: Progress) -> None:
        """Append one line of JSON to the stage's log."""
        if not self.is_leader:
            return
        line = {
            "stage": progress.stage,
            "step": progress.step,
            "fraction": round(progress.fraction, 5),
            "seconds": round(progress.seconds, 1),
            **{name: round(value, 6) for name, value in progress.figures.items()},
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _forget_log(self, *, after: int) -> None:
        """Drop log lines of steps beyond `after`, and one that a kill left half written."""
        path = self.folder / "log.jsonl"
        if not self.is_leader or not path.exists():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [
            line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= after
        ]
        if len(kept) < len(lines):
            partial = path.with_suffix(".partial")
            partial.write_text("".join(kept), encoding="utf-8")
            partial.replace(path)


class StopWatch:
    """Counts a stage's own seconds across interruptions."""

    def __init__(self, clock: Clock, seconds: float = 0.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._since = clock()

    @property
    def seconds(self) -> float:
        """Return the seconds trained so far, earlier runs included."""
        return self._seconds + self._clock() - self._since


def step_generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """Return the random numbers of one step: resuming needs no other state."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) * 64 + rank)
