"""How does a branch learn the parts of a whole family from a handful of labelled pictures?

Feature taps of the labelled codes are kept at their native resolution, in half precision:
123 MiB for a picture of 512 px at full width, where the stacked map would take 6 GiB. Each
step draws a few thousand pixels over all pictures, every member its own, gathers their
features bilinearly, and takes one Adam step on the cross-entropy: the same function as
training on the stacked map, which is never built. Pixels that nobody has labelled are never
drawn. Every member leaves out pictures of its own choice (leave-one-image-out, spread over
the ensemble), and training keeps the weights at which pictures are read best by the members
that have not seen them.

Letters: n pictures, L layers, T taps, D channels of all taps, E members, P pixels a member
and step, K parts, H label-map side.
Source: Zhang et al. 2021 (DatasetGAN), section 3.2 and supplement; sampling and stopping
are ours.
"""

import copy
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.errors import ShapeMismatchError
from editing.generator.synthesis import Synthesis
from editing.segmentation.branch import SegmentationBranch, TapShape, gather_features
from editing.segmentation.pixels import PixelSample

# The value of label-map pixels that nobody has labelled; they teach nothing.
UNLABELLED = 255
HALF_MAX = 65_504.0
# Taps are drawn for so many pictures at once that they take no more than this.
CHUNK_BYTES = 64 << 20
# Beyond this, taps are kept in a file that the system maps and may forget.
TAPS_IN_MEMORY = 9 << 28  # 2.25 GiB
# Statistics of the taps are taken of so many values at once.
VALUES_AT_ONCE = 4 << 20


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How a branch is fitted.

    Args:
        num_members: members of the ensemble.
        hidden: widths of the two hidden layers.
        learning_rate: Adam's; it falls along a cosine to a twentieth.
        batch: pixels a member sees in one step.
        max_steps: upper bound of steps.
        check_every: steps between two looks at the left-out pictures.
        patience: looks without progress after which training stops.
        weight_decay: decoupled weight decay.
        rare_share: share of a step's pixels drawn evenly over parts rather than over the
            picture, so that a pupil counts for more than its few pixels.
        held_out: pictures that each member leaves out.
    """

    num_members: int = 10
    hidden: tuple[int, int] = (128, 32)
    learning_rate: float = 2e-3
    batch: int = 1024
    max_steps: int = 800
    check_every: int = 50
    patience: int = 6
    weight_decay: float = 1e-4
    rare_share: float = 0.35
    held_out: int = 1


@dataclass(frozen=True, slots=True)
class FitProgress:
    """One look at the left-out pictures: `held_out_miou` is None when there are none."""

    step: int
    max_steps: int
    loss: float
    held_out_miou: float | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How pictures are read by members that did not learn from them.

    `miou` is the mean IoU over parts that occur, `each` (K,) that of every part, NaN where
    it does not occur.
    """

    miou: float
    each: Tensor


def fit_branch(
    synthesis: Synthesis,
    w_plus: Tensor,
    labels: Tensor,
    *,
    num_parts: int,
    options: FitOptions | None = None,
    generator: torch.Generator | None = None,
    on_progress: Callable[[FitProgress], None] | None = None,
) -> SegmentationBranch:
    """Return a branch, in eval mode, that has learned from labelled codes.

    Args:
        synthesis: the generator whose taps are read.
        w_plus: codes of the labelled pictures, (n, L, w_dim).
        labels: their label maps, integer (n, H, H), `UNLABELLED` where nobody has painted.
        num_parts: K of the part schema, however few of them the labels show.
        options: see `FitOptions`.
        generator: source of all randomness; equal seeds give equal branches.
        on_progress: called after each look at the left-out pictures.

    Raises:
        ShapeMismatchError: codes and label maps differ in number.
    """
    options = options or FitOptions()
    noise = generator or torch.Generator().manual_seed(0)
    fit = BranchFit(
        synthesis, w_plus, labels, num_parts=num_parts, options=options, noise=noise
    )
    looks_since = 0
    for step in range(1, options.max_steps + 1):
        loss = fit.step((step - 1) / options.max_steps, noise)
        if step % options.check_every and step < options.max_steps:
            continue
        before = fit.best_score
        score = fit.look()
        if on_progress:
            miou = None if score is None else score.miou
            on_progress(FitProgress(step, options.max_steps, loss, miou))
        if score is None:
            continue
        looks_since = 0 if fit.best_score > before else looks_since + 1
        if looks_since >= options.patience:
            break
    return fit.best()


class BranchFit:
    """The state of one training: step it, look at it, take the best.

    `state_dict` and `load_state_dict` are for checkpoints; with the same `noise` for every
    step, a training that was interrupted ends as if it had not been.
    """

    def __init__(
        self,
        synthesis: Synthesis,
        w_plus: Tensor,
        labels: Tensor,
        *,
        num_parts: int,
        options: FitOptions,
        noise: torch.Generator,
        left_out: Tensor | None = None,
        start: Mapping[str, Tensor] | None = None,
        on_picture: Callable[[int], None] | None = None,
    ) -> None:
        """Draw the taps and start the members.

        Args:
            left_out: which pictures each member does not learn from, bool (E, n); by
                default chosen by `noise`.
            start: state of an earlier branch of this shape to go on from.
            on_picture: called with the number of pictures drawn; raising there ends it.

        Raises:
            ShapeMismatchError: codes and label maps differ in number.
        """
        if len(w_plus) != len(labels):
            raise ShapeMismatchError(f"{len(w_plus)} codes and {len(labels)} label maps")
        self.options, self.labels = options, labels
        self.taps = native_taps(synthesis, w_plus, on_picture=on_picture)
        self.branch = SegmentationBranch(
            synthesis.tap_shapes,
            num_parts,
            num_members=options.num_members,
            hidden=options.hidden,
        )
        self.branch.reset(noise)
        self.branch.to(w_plus.device)
        if start is None:
            _standardize(self.branch, self.taps)
        else:
            self.branch.load_state_dict(dict(start))
        self.left_out = leave_out(len(w_plus), options, noise) if left_out is None else left_out
        self._sampler = _Sampler(labels, self.left_out, num_parts, options)
        self._adam = torch.optim.AdamW(
            self.branch.parameters(),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
        )
        self.best_score = -1.0
        self._best: dict[str, Tensor] | None = None

    def step(self, fraction: float, noise: torch.Generator) -> float:
        """Take one step at `fraction` of the training and return its loss."""
        options, branch = self.options, self.branch
        branch.train()
        pixels, wanted = self._sampler.draw(branch, noise)
        features = gather_features(self.taps, branch.tap_shapes, pixels)
        stacked = features.view(options.num_members, options.batch, -1)
        loss = F.cross_entropy(branch.member_logits(stacked).flatten(0, 1), wanted)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        least = options.learning_rate / 20
        falling = (1 + math.cos(math.pi * fraction)) / 2
        for group in self._adam.param_groups:
            group["lr"] = least + (options.learning_rate - least) * falling
        self._adam.step()
        return float(loss.detach())

    def look(self) -> LeftOut | None:
        """Return how left-out pictures are read, None if there are none; keep the best."""
        found = self.read_left_out()
        if found is not None and found.miou > self.best_score + 1e-4:
            self.best_score = found.miou
            self._best = copy.deepcopy(self.branch.state_dict())
        return found

    @torch.no_grad()
    def read_left_out(self) -> LeftOut | None:
        """Return how the members read the pictures that they left out."""
        self.branch.eval()
        side, num = self.labels.shape[-1], len(self.labels)
        predicted, wanted = [], []
        for picture in range(num):
            members = self.left_out[:, picture].nonzero().flatten().tolist()
            if not members:
                continue
            maps = [
                tap.view(num, r, r, -1)[picture].to(self.branch.first_weight.dtype)
                for tap, (r, _) in zip(self.taps, self.branch.tap_shapes, strict=True)
            ]
            unseen = self.branch.only(members)
            predicted.append(
                unseen.predict([m.permute(2, 0, 1)[None] for m in maps], size=side)
            )
            wanted.append(self.labels[picture : picture + 1])
        if not predicted:
            return None
        score, each = miou(
            torch.cat(predicted), torch.cat(wanted), num_parts=self.branch.num_parts
        )
        return LeftOut(score, each)

    def best(self) -> SegmentationBranch:
        """Return the branch, frozen and in eval mode, at the weights that did best so far."""
        if self._best is not None:
            self.branch.load_state_dict(self._best)
        return self.branch.eval().requires_grad_(False)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "branch": self.branch.state_dict(),
            "adam": self._adam.state_dict(),
            "best_score": self.best_score,
            "best": self._best,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        self.branch.load_state_dict(state["branch"])
        self._adam.load_state_dict(state["adam"])
        self.best_score, self._best = state["best_score"], state["best"]


@torch.no_grad()
def native_taps(
    synthesis: Synthesis,
    w_plus: Tensor,
    *,
    dtype: torch.dtype = torch.float16,
    on_picture: Callable[[int], None] | None = None,
) -> list[Tensor]:
    """Return every tap of the codes as rows, (n * r * r, C), at its own resolution.

    They are written where they stay, a few pictures at a time, so no more than these are
    ever held twice. Beyond `TAPS_IN_MEMORY` they stay in a nameless file on the disk.
    `on_picture` is called with the number of pictures drawn.
    """
    num = len(w_plus)
    shapes = [(num * r * r, channels) for r, channels in synthesis.tap_shapes]
    total = taps_bytes(synthesis.tap_shapes, num, dtype)
    if total > TAPS_IN_MEMORY and w_plus.device.type == "cpu":
        rows = _rows_in_file(shapes, dtype)
    else:
        rows = [torch.empty(shape, dtype=dtype, device=w_plus.device) for shape in shapes]
    one = taps_bytes(synthesis.tap_shapes, 1, torch.float32)
    chunk = max(1, min(8, CHUNK_BYTES // one))
    done = 0
    for codes in w_plus.split(chunk):
        taps = synthesis(codes, with_taps=True).taps
        assert taps is not None
        for kept, tap in zip(rows, taps, strict=True):
            cells = tap.permute(0, 2, 3, 1).reshape(-1, tap.shape[1])
            start = done * tap.shape[-1] ** 2
            if dtype == torch.float16:
                cells = cells.clamp(-HALF_MAX, HALF_MAX)
            kept[start : start + len(cells)] = cells.to(dtype)
        done += len(codes)
        if on_picture is not None:
            on_picture(done)
    return rows


def taps_bytes(tap_shapes: Sequence[TapShape], num: int, dtype: torch.dtype) -> int:
    """Return the bytes of all native taps of `num` pictures."""
    return num * sum(r * r * channels for r, channels in tap_shapes) * dtype.itemsize


def fit_bytes(
    tap_shapes: Sequence[TapShape],
    *,
    num: int,
    num_parts: int,
    side: int,
    options: FitOptions | None = None,
) -> int:
    """Return about how many bytes fitting takes beyond the networks, at its peak, on a CPU.

    Kept throughout: taps (as far as they stay in memory), weights with Adam's moments and
    the best copy, the order of pixels. On top of that the largest of: one picture being
    drawn, one step of all members, one left-out picture being read.
    """
    options = options or FitOptions()
    members, (h1, h2) = options.num_members, options.hidden
    channels = sum(c for _, c in tap_shapes)
    weights = members * (h1 * channels + h2 * h1 + num_parts * h2)
    taps = taps_bytes(tap_shapes, num, torch.float16)
    kept = (taps if taps <= TAPS_IN_MEMORY else 0) + 5 * 4 * weights + 2 * 8 * num * side * side
    one = taps_bytes(tap_shapes, 1, torch.float32)
    widest = max(r * r * c for r, c in tap_shapes) * 4
    drawing = max(1, min(8, CHUNK_BYTES // one)) * (one + 4 * widest)
    pixels = members * options.batch
    step = 4 * pixels * (channels + 5 * max(c for _, c in tap_shapes) + 4 * (h1 + h2))
    reading = 2 * one + 4 * side * side * num_parts * 2
    return kept + max(drawing, step, reading)


@torch.no_grad()
def miou(predicted: Tensor, labels: Tensor, *, num_parts: int) -> tuple[float, Tensor]:
    """Return the mean IoU over parts that occur in either, and the IoU (K,) of each.

    Counts are taken over all pictures together; a part in neither has IoU NaN. Pixels that
    are `UNLABELLED` do not count.
    """
    known = labels != UNLABELLED
    flat = labels[known].long() * num_parts + predicted[known].long()
    table = torch.bincount(flat, minlength=num_parts * num_parts).view(num_parts, num_parts)
    both = table.diagonal().double()
    either = table.sum(0) + table.sum(1) - table.diagonal()
    each = torch.where(either > 0, both / either.clamp(min=1), torch.full_like(both, torch.nan))
    return float(each.nanmean()), each


def leave_out(num: int, options: FitOptions, noise: torch.Generator) -> Tensor:
    """Return bool (E, n): which pictures each member does not learn from."""
    left_out = torch.zeros(options.num_members, num, dtype=torch.bool)
    if num > options.held_out > 0 and num > 1:
        order = torch.randperm(num, generator=noise)
        for member in range(options.num_members):
            for i in range(options.held_out):
                left_out[member, order[(member * options.held_out + i) % num]] = True
    return left_out


def _rows_in_file(shapes: Sequence[tuple[int, int]], dtype: torch.dtype) -> list[Tensor]:
    """Return tensors in a mapped file that disappears with them."""
    total = sum(rows * width for rows, width in shapes)
    with tempfile.TemporaryDirectory(prefix="taps-") as folder:
        # The mapping outlives the name of the file, and the file the mapping.
        whole = torch.from_file(str(Path(folder, "taps")), shared=True, size=total, dtype=dtype)
    parts = whole.split([rows * width for rows, width in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


@torch.no_grad()
def _standardize(branch: SegmentationBranch, taps: Sequence[Tensor]) -> None:
    """Scale the first layer so that every feature starts with a say of the same size."""
    middles, spreads = [], []
    for tap in taps:
        # In two passes and by blocks of rows: half precision cannot hold such sums.
        num_rows = max(1, VALUES_AT_ONCE // tap.shape[1])
        blocks = tap.split(num_rows)
        sums = torch.stack([block.float().sum(dim=0) for block in blocks]).double()
        middle = sums.sum(dim=0) / len(tap)
        apart = [(block.float() - middle.float()).square_().sum(dim=0) for block in blocks]
        variance = torch.stack(apart).double().sum(dim=0) / max(len(tap) - 1, 1)
        middles.append(middle.to(branch.first_weight.dtype))
        spreads.append(variance.sqrt().to(branch.first_weight.dtype))
    branch.first_weight.div_(torch.cat(spreads).clamp(min=1e-3))
    branch.first_bias.sub_(branch.first_weight @ torch.cat(middles))


class _Sampler:
    """Draws pixels for every member from the pictures it may see.

    Labelled pixels are kept once for all members, ordered by part and picture. A draw first
    chooses one of the K x n groups, by its size or evenly over parts, then a pixel of it.
    """

    def __init__(
        self, labels: Tensor, left_out: Tensor, num_parts: int, options: FitOptions
    ) -> None:
        self.labels = labels
        self.options = options
        self.side = labels.shape[-1]
        num = len(labels)
        flat = labels.cpu().flatten()
        group = flat.to(torch.int32) * num
        group += torch.arange(num, dtype=torch.int32).repeat_interleave(self.side**2)
        order = group.argsort(stable=True)
        # Groups of unlabelled pixels come last, whatever number stands for them.
        self.order = order[: int((flat != UNLABELLED).sum())]
        counted = torch.bincount(group, minlength=(UNLABELLED + 1) * num)[: num_parts * num]
        self.counts = counted
        self.starts = counted.cumsum(0) - counted
        table = counted.view(num_parts, num).double()
        self.plain, self.even = [], []
        for row in left_out.cpu():
            mine = table * ~row
            total = mine.sum(dim=1, keepdim=True)
            self.plain.append(mine.flatten())
            self.even.append((mine / total.clamp(min=1)).flatten())

    def draw(
        self, branch: SegmentationBranch, noise: torch.Generator
    ) -> tuple[PixelSample, Tensor]:
        """Return E * P pixels, member by member, and their parts."""
        num_even = int(self.options.batch * self.options.rare_share)
        chosen: list[Tensor] = []
        for plain, even in zip(self.plain, self.even, strict=True):
            for weights, num in ((plain, self.options.batch - num_even), (even, num_even)):
                if num:
                    chosen.append(torch.multinomial(weights, num, True, generator=noise))
        groups = torch.cat(chosen)
        place = torch.rand(len(groups), generator=noise, dtype=torch.float64)
        flat = self.order[self.starts[groups] + (place * self.counts[groups]).long()]
        area = self.side * self.side
        device = self.labels.device
        pixels = PixelSample.at(
            (flat // area).to(device),
            (flat % area // self.side).to(device),
            (flat % self.side).to(device),
            size=self.side,
            resolutions=branch.resolutions,
            dtype=branch.first_weight.dtype,
        )
        return pixels, pixels.pick(self.labels).long()
