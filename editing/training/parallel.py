"""How do two single-thread processes train one network?

On a small CPU, two processes with one thread each beat one process with two. Every
network keeps its parameters in one flat tensor, gradients too, so a step exchanges one
buffer. All processes apply the same update and so stay equal without ever comparing.
"""

import ctypes
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Team:
    """Who trains together: this process is `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def is_leader(self) -> bool:
        """Return whether this process saves, logs and decides on time."""
        return self.rank == 0

    def average(self, flat: Tensor) -> None:
        """Replace `flat` in every process by the mean over processes."""
        if self.size > 1:
            dist.all_reduce(flat)
            flat /= self.size

    def from_leader(self, value: float) -> float:
        """Return the leader's `value` in every process."""
        if self.size == 1:
            return value
        box = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(box, 0)
        return float(box)


class Flat:
    """The parameters of `modules` moved into one tensor, with one gradient beside it.

    Each module becomes one optimizer group. The modules keep working as before: their
    parameters, and the gradients they collect, are views.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        groups = [list(module.parameters()) for module in modules]
        total = sum(p.numel() for group in groups for p in group)
        device = groups[0][0].device
        self.data = torch.empty(total, device=device)
        self.grad = torch.zeros(total, device=device)
        self.groups: list[nn.Parameter] = []
        offset = 0
        for group in groups:
            start = offset
            for parameter in group:
                end = offset + parameter.numel()
                view = self.data[offset:end].view(parameter.shape)
                view.copy_(parameter.data)
                parameter.data = view
                parameter.grad = self.grad[offset:end].view(parameter.shape)
                offset = end
            flat = nn.Parameter(self.data[start:offset])
            flat.grad = self.grad[start:offset]
            self.groups.append(flat)

    def zero_grad(self) -> None:
        """Empty the gradients; never set them to None, they are views."""
        self.grad.zero_()


def single_thread() -> None:
    """Give this process one compute thread and an allocator that keeps its memory.

    glibc hands freed tensors of some megabytes back to the kernel and faults them in
    again one page at a time, which cost a fifth of the training speed here. Other C
    libraries lack `mallopt` and go on as they are.
    """
    torch.set_num_threads(1)
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD
    except (OSError, AttributeError):
        return


def join(rank: int, size: int, rendezvous: str) -> Team:
    """Return this process's place in a team that meets at the file `rendezvous`."""
    single_thread()
    dist.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=size
    )
    return Team(rank, size)


class Helpers:
    """Processes 1 to `num` - 1 of a stage, ended with the leader's block.

    Each calls `target(rank, num, *arguments)`.
    """

    def __init__(self, target: Callable[..., None], arguments: Sequence[Any], num: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes = [
            context.Process(target=target, args=(rank, num, *arguments), daemon=True)
            for rank in range(1, num)
        ]

    def __enter__(self) -> "Helpers":
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        for process in self._processes:
            if kind is not None:
                process.terminate()
            process.join()
