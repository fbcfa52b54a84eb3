"""How are hundreds of edits refined in bearable time? Many pictures in one loop.

The same computation as `optimize.refine`, picture by picture: the same plan, the same losses,
a damping of its own and a best step of its own for each picture. The tests hold the two
together. One run of the largest number of steps also gives the results of all smaller ones,
because the rate is constant and the best step so far is what a shorter run returns.

Letters: N pictures, L layers of `w_plus`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from editing import losses, optimize
from editing.bundle import Bundle
from editing.losses import OutsideReference
from editing.optimize import OptimizeOptions, Refinement
from editing.region import EmptyRegionError
from editing.segmentation.branch import RegionPixels

BETAS = (0.9, 0.999)


def refine(
    bundle: Bundle,
    w_plus: Tensor,
    offset: Tensor,
    strength: float,
    *,
    parts: frozenset[int],
    steps: Sequence[int],
) -> dict[int, Tensor]:
    """Return, for each number of `steps`, the refined codes (N, L, w_dim).

    `w_plus` (N, L, w_dim) gets `offset` (L, w_dim) at `strength` first. `parts` are those of
    the edit vector; a picture that shows none of them stays as applied.
    """
    results = {count: optimize.apply(w_plus, [(offset, strength)]) for count in steps}
    plans: dict[int, Refinement] = {}
    for i, code in enumerate(w_plus.split(1)):
        try:
            plans[i] = optimize.plan_refinement(bundle, code, [(offset, strength)], parts=parts)
        except EmptyRegionError:
            continue
    if plans:
        rows = torch.tensor(sorted(plans))
        chosen = [plans[i] for i in sorted(plans)]
        for count, codes in _run(bundle, w_plus[rows], chosen, steps).items():
            results[count][rows] = codes
    return results


def _run(
    bundle: Bundle, w_plus: Tensor, plans: Sequence[Refinement], steps: Sequence[int]
) -> dict[int, Tensor]:
    last = max(steps)
    options = OptimizeOptions.for_refining(steps=last)
    base = torch.cat([plan.start for plan in plans])
    mask = torch.cat([plan.region.mask for plan in plans])
    target = torch.cat([plan.target for plan in plans])
    synthesis = bundle.generator.synthesis
    with torch.no_grad():
        original = synthesis(w_plus).image
        outside = torch.cat(
            [
                plan.region.resized(bundle.resolution).weights(original.dtype)[1]
                for plan in plans
            ]
        )
        appearance = OutsideReference.of(
            bundle.perceptual, original, outside, mean_over=options.mse_over
        )
        embedding = bundle.embed(original) if bundle.embed and options.lambda_id else None
    pixels = RegionPixels.of_mask(
        mask, resolutions=bundle.branch.resolutions, dtype=original.dtype
    )
    wanted = pixels.pick(target.long())
    counts = mask.flatten(1).sum(dim=1).tolist()

    offset = torch.zeros_like(base)
    first, second = torch.zeros_like(base), torch.zeros_like(base)
    damping = base.new_full((len(base), 1, 1), 0.0)
    lowest = base.new_full((len(base),), torch.inf)
    best, results = base.clone(), {}
    for step in range(last + 1):
        with torch.enable_grad():
            moving = offset.clone().requires_grad_()
            rendering = synthesis(base + moving, with_taps=True)
            assert rendering.taps is not None
            logits = bundle.branch.logits_at(rendering.taps, pixels)
            pairs = zip(logits.split(counts), wanted.split(counts), strict=True)
            total = options.lambda_rgb * losses.appearance(
                bundle.perceptual,
                rendering.image,
                appearance,
                lambda_perceptual=options.lambda_perceptual,
                lambda_mse=options.lambda_mse,
            ) + options.lambda_ce * torch.stack([losses.segmentation(*pair) for pair in pairs])
            if embedding is not None and bundle.embed is not None:
                same = losses.identity(bundle.embed(rendering.image), embedding)
                total = total + options.lambda_id * same
            # Pictures share no variable, so the sum keeps them independent.
            (slope,) = torch.autograd.grad(total.sum(), moving)
        better = total.detach() < lowest
        lowest = torch.where(better, total.detach(), lowest)
        best = torch.where(better[:, None, None], base + offset, best)
        if step in steps:
            results[step] = best
        if step == 0:
            size = slope.square().mean(dim=(1, 2), keepdim=True).sqrt()
            damping = (options.damping * size).clamp(min=1e-8)
        # Adam, with a damping for each picture, which the library's has not.
        first = BETAS[0] * first + (1 - BETAS[0]) * slope
        second = BETAS[1] * second + (1 - BETAS[1]) * slope.square()
        momentum = first / (1 - BETAS[0] ** (step + 1))
        energy = second / (1 - BETAS[1] ** (step + 1))
        offset = offset - options.learning_rate * momentum / (energy.sqrt() + damping)
    return results
