"""How does a branch learn the parts of a whole family from a handful of labelled pictures?

Feature taps of the labelled codes are kept at their native resolution. Each step draws a
few thousand pixels over all pictures, every member its own, gathers their features
bilinearly, and takes one Adam step on the cross-entropy: the same function as training on
the stacked map, which is never built. Every member leaves out pictures of its own choice
(leave-one-image-out, spread over the ensemble), and training keeps the weights at which the
members are best, on average, on the pictures they have not seen.

Letters: n pictures, L layers, T taps, D channels of all taps, E members, P pixels a member
and step, K parts, H label-map side.
Source: Zhang et al. 2021 (DatasetGAN), section 3.2 and supplement; sampling and stopping
are ours.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.errors import ShapeMismatchError
from editing.generator.synthesis import Synthesis
from editing.segmentation.branch import SegmentationBranch, gather_features
from editing.segmentation.pixels import PixelSample


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
        labels: their label maps, integer (n, H, H).
        num_parts: K of the part schema, however few of them the labels show.
        options: see `FitOptions`.
        generator: source of all randomness; equal seeds give equal branches.
        on_progress: called after each look at the left-out pictures.

    Raises:
        ShapeMismatchError: codes and label maps differ in number.
    """
    options = options or FitOptions()
    noise = generator or torch.Generator().manual_seed(0)
    if len(w_plus) != len(labels):
        raise ShapeMismatchError(f"{len(w_plus)} codes and {len(labels)} label maps")
    taps = native_taps(synthesis, w_plus)
    branch = SegmentationBranch(
        synthesis.tap_shapes,
        num_parts,
        num_members=options.num_members,
        hidden=options.hidden,
    )
    branch.reset(noise)
    branch.to(w_plus.device)
    _standardize(branch, taps)
    left_out = _leave_out(len(w_plus), options, noise)
    sampler = _Sampler(labels, left_out, num_parts, options)
    adam = torch.optim.AdamW(
        branch.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        adam, options.max_steps, eta_min=options.learning_rate / 20
    )
    best_score, best_state, looks_since = -1.0, None, 0
    running = 0.0
    for step in range(1, options.max_steps + 1):
        branch.train()
        pixels, wanted = sampler.draw(branch, noise)
        features = gather_features(taps, branch.tap_shapes, pixels)
        stacked = features.view(options.num_members, options.batch, -1)
        logits = branch.member_logits(stacked)
        loss = F.cross_entropy(logits.flatten(0, 1), wanted)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        schedule.step()
        running = float(loss.detach())
        if step % options.check_every and step < options.max_steps:
            continue
        score = _held_out_miou(branch, taps, labels, left_out)
        if on_progress:
            on_progress(FitProgress(step, options.max_steps, running, score))
        if score is None:
            continue
        if score > best_score + 1e-4:
            best_score, looks_since = score, 0
            best_state = copy.deepcopy(branch.state_dict())
        else:
            looks_since += 1
            if looks_since >= options.patience:
                break
    if best_state is not None:
        branch.load_state_dict(best_state)
    return branch.eval().requires_grad_(False)


@torch.no_grad()
def native_taps(synthesis: Synthesis, w_plus: Tensor, *, chunk: int = 8) -> list[Tensor]:
    """Return every tap of the codes as rows, (n * r * r, C), at its own resolution."""
    collected: list[list[Tensor]] = []
    for codes in w_plus.split(chunk):
        taps = synthesis(codes, with_taps=True).taps
        assert taps is not None
        rows = [tap.permute(0, 2, 3, 1).reshape(-1, tap.shape[1]) for tap in taps]
        collected.append(rows)
    return [torch.cat(parts) for parts in zip(*collected, strict=True)]


@torch.no_grad()
def miou(predicted: Tensor, labels: Tensor, *, num_parts: int) -> tuple[float, Tensor]:
    """Return the mean IoU over parts that occur in either, and the IoU (K,) of each.

    Counts are taken over all pictures together; a part in neither has IoU NaN.
    """
    flat = labels.long().flatten() * num_parts + predicted.long().flatten()
    table = torch.bincount(flat, minlength=num_parts * num_parts).view(num_parts, num_parts)
    both = table.diagonal().double()
    either = table.sum(0) + table.sum(1) - table.diagonal()
    each = torch.where(either > 0, both / either.clamp(min=1), torch.full_like(both, torch.nan))
    return float(each.nanmean()), each


@torch.no_grad()
def _standardize(branch: SegmentationBranch, taps: Sequence[Tensor]) -> None:
    """Scale the first layer so that every feature starts with a say of the same size."""
    spread = torch.cat([tap.float().std(dim=0) for tap in taps]).clamp(min=1e-3)
    middle = torch.cat([tap.float().mean(dim=0) for tap in taps])
    branch.first_weight.div_(spread)
    branch.first_bias.sub_(branch.first_weight @ middle)


def _leave_out(num: int, options: FitOptions, noise: torch.Generator) -> Tensor:
    """Return bool (E, n): which pictures each member does not learn from."""
    left_out = torch.zeros(options.num_members, num, dtype=torch.bool)
    if num > options.held_out > 0 and num > 1:
        order = torch.randperm(num, generator=noise)
        for member in range(options.num_members):
            for i in range(options.held_out):
                left_out[member, order[(member * options.held_out + i) % num]] = True
    return left_out


class _Sampler:
    """Draws pixels for every member from the pictures it may see."""

    def __init__(
        self, labels: Tensor, left_out: Tensor, num_parts: int, options: FitOptions
    ) -> None:
        self.labels = labels
        self.options = options
        self.side = labels.shape[-1]
        flat = labels.long().cpu().flatten()
        per_picture = self.side * self.side
        picture = torch.arange(len(labels)).repeat_interleave(per_picture)
        self.allowed = [(~row[picture]).nonzero().flatten() for row in left_out.cpu()]
        # For the even share: the allowed pixels of each member, sorted by part.
        self.by_part = [
            [rows[flat[rows] == part] for part in range(num_parts)] for rows in self.allowed
        ]
        self.by_part = [[rows for rows in parts if len(rows)] for parts in self.by_part]

    def draw(
        self, branch: SegmentationBranch, noise: torch.Generator
    ) -> tuple[PixelSample, Tensor]:
        """Return E * P pixels, member by member, and their parts."""
        num_even = int(self.options.batch * self.options.rare_share)
        chosen: list[Tensor] = []
        for allowed, by_part in zip(self.allowed, self.by_part, strict=True):
            plain = self.options.batch - num_even
            chosen.append(allowed[torch.randint(len(allowed), (plain,), generator=noise)])
            part = torch.randint(len(by_part), (num_even,), generator=noise)
            place = torch.rand(num_even, generator=noise)
            sizes = torch.tensor([len(rows) for rows in by_part])
            starts = sizes.cumsum(0) - sizes
            joined = torch.cat(by_part)
            chosen.append(joined[starts[part] + (place * sizes[part]).long()])
        flat = torch.cat(chosen)
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
        return pixels, pixels.pick(self.labels.long())


@torch.no_grad()
def _held_out_miou(
    branch: SegmentationBranch, taps: Sequence[Tensor], labels: Tensor, left_out: Tensor
) -> float | None:
    """Return the members' mean IoU on pictures they have not seen, None if there are none."""
    pairs = left_out.nonzero().tolist()
    if not pairs:
        return None
    branch.eval()
    side, num_images = labels.shape[-1], labels.shape[0]
    predicted, wanted = [], []
    by_picture: dict[int, list[int]] = {}
    for member, picture in pairs:
        by_picture.setdefault(picture, []).append(member)
    for picture, members in by_picture.items():
        maps = [
            tap.view(num_images, shape[0], shape[0], -1)[picture].permute(2, 0, 1)[None]
            for tap, shape in zip(taps, branch.tap_shapes, strict=True)
        ]
        logits = branch.member_maps(maps, size=side)
        for member in members:
            predicted.append(logits[member].argmax(dim=1))
            wanted.append(labels[picture : picture + 1])
    score, _ = miou(torch.cat(predicted), torch.cat(wanted), num_parts=branch.num_parts)
    return score
