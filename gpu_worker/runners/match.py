"""Match: which edit vectors would change this picture as it was painted?

Search by effect signature names the candidates; then each is tried on this very picture.
What counts is how the predicted label map moves: the field of probabilities, after less
before, is compared with the field that the painting asks for. Their cosine says how alike
they are; change anywhere else lowers it. The strength is where the painted pixels would turn
as asked.

Letters: C candidates, K parts, H label-map side.
"""

import io
import time
from functools import partial

import torch
from torch import Tensor

from editing import effect_signature, images
from editing.bundle import Bundle
from editing.region import EmptyRegionError, changed_parts
from editing.segmentation.branch import SegmentationBranch
from gpu_worker import frames
from gpu_worker.workbench import Workbench, vector_of
from webapp.jobs import worker
from webapp.jobs.contract import MAX_STRENGTH, Match, Matched, MatchPainting, Progress
from webapp.jobs.sources import Candidate

CHUNK = 8
LEAST_STRENGTH = 0.2
TRIED_AT = 1.0
STEP = 0.05
# Members of the ensemble that look at every candidate: comparing needs fewer than deciding.
NUM_READERS = 4


def run(bench: Workbench, request: MatchPainting) -> Matched:
    """Return the edit vectors that come nearest to the painting, each with a picture.

    Raises:
        EmptyRegionError: the painting changes no part.
        LabelMapError: it has another size or an unknown part.
        RefusedJobError: the code is not one of this bundle.
    """
    began = time.perf_counter()
    bundle = bench.bundle(request.bundle)
    w_plus = bench.read_code(request.w_plus, bundle)
    target = images.read_labels(
        worker.read_artifact(request.label_map),
        num_parts=bundle.num_parts,
        size=bundle.label_size,
    ).to(bundle.device)
    before = bench.on_device(lambda: bundle.segment(w_plus))
    reader = bundle.branch.only(range(min(NUM_READERS, bundle.branch.num_members)))
    base = bench.on_device(lambda: shares(bundle, reader, w_plus))
    if not changed_parts(before, target, background=bundle.background):
        raise EmptyRegionError("the painting changes no part")
    wanted = effect_signature.painting_signature(
        before[0].cpu().numpy(), target[0].cpu().numpy()
    )
    candidates = worker.find_candidates(
        bench.job, signature=wanted.tolist(), bundle=request.bundle, scope=request.scope,
        limit=request.num_candidates,
    )  # fmt: skip
    found: list[tuple[float, float, Candidate]] = []
    for start in range(0, len(candidates), CHUNK):
        block = candidates[start : start + CHUNK]
        bench.look_up()
        tried = bench.on_device(
            partial(try_out, bundle, reader, w_plus, base, before, target, block)
        )
        found += [(match, at, one) for (match, at), one in zip(tried, block, strict=True)]
        done = min(start + CHUNK, len(candidates))
        bench.report(Progress(step=done, num_steps=len(candidates) + 1))
    best = sorted(found, key=lambda one: -one[0])[: request.num_matches]
    best = [one for one in best if one[0] > 0]
    pictures = bench.on_device(lambda: draw(bundle, w_plus, best)) if best else []
    return Matched(
        matches=tuple(
            Match(
                edit_vector_version_id=one.version_id,
                strength=strength,
                match=match,
                picture=worker.put_artifact(_webp(picture), "image/webp"),
            )
            for (match, strength, one), picture in zip(best, pictures, strict=True)
        ),
        num_candidates=len(candidates),
        seconds=time.perf_counter() - began,
    )


@torch.no_grad()
def shares(bundle: Bundle, reader: SegmentationBranch, w_plus: Tensor) -> Tensor:
    """Return how probable each part is at each pixel of codes (C, L, w_dim), (C, K, H, H)."""
    rendering = bundle.generator.synthesis(w_plus, with_taps=True)
    assert rendering.taps is not None, "taps were asked for"
    return reader.logits(rendering.taps, size=bundle.label_size).softmax(dim=1)


def try_out(
    bundle: Bundle,
    reader: SegmentationBranch,
    w_plus: Tensor,
    base: Tensor,
    labels: Tensor,
    target: Tensor,
    candidates: list[Candidate],
) -> list[tuple[float, float]]:
    """Return (match, strength) of each candidate on the picture of `w_plus` (1, L, w_dim).

    `reader` says what is where, and `base` (1, K, H, H) what it says of the picture itself;
    `labels` (1, H, H) is the picture's label map, `target` (1, H, H) the painting on it.
    A candidate that is likely to do the reverse is tried at a negative strength.
    """
    signs = [TRIED_AT if one.likeness >= 0 else -TRIED_AT for one in candidates]
    offsets = torch.stack(
        [
            sign * vector_of(one.offset, bundle).offset
            for one, sign in zip(candidates, signs, strict=True)
        ]
    )
    after = shares(bundle, reader, w_plus + offsets)
    num_parts = base.shape[1]
    painted = (target != labels)[:, None]
    wish = (_one_hot(target, num_parts) - base) * painted
    moved = after - base
    along = (moved * wish).sum(dim=(1, 2, 3))
    lengths = moved.flatten(1).norm(dim=1) * wish.norm()
    match = along / lengths.clamp(min=1e-9)
    # How far the painted pixels should turn, as a multiple of how far these did.
    asked = (_one_hot(target, num_parts) - _one_hot(labels, num_parts)) * painted
    read = _one_hot(base.argmax(dim=1), num_parts)
    turned = (_one_hot(after.argmax(dim=1), num_parts) - read) * painted
    wanted, reached = ((one * moved).sum(dim=(1, 2, 3)) for one in (asked, turned))
    strength = (wanted / reached.clamp(min=1e-6)).clamp(LEAST_STRENGTH, MAX_STRENGTH)
    return [
        (float(m), round(float(s) * sign / STEP) * STEP)
        for m, s, sign in zip(match, strength, signs, strict=True)
    ]


def _one_hot(labels: Tensor, num_parts: int) -> Tensor:
    """Return label maps (C, H, H) as shares (C, K, H, H) that are 0 or 1."""
    return torch.nn.functional.one_hot(labels.long(), num_parts).permute(0, 3, 1, 2).float()


@torch.no_grad()
def draw(
    bundle: Bundle, w_plus: Tensor, best: list[tuple[float, float, Candidate]]
) -> list[Tensor]:
    """Return the picture (3, R, R) with each of the best at its strength."""
    offsets = torch.stack(
        [strength * vector_of(one.offset, bundle).offset for _, strength, one in best]
    )
    return list(bundle.render(w_plus + offsets).cpu())


def _webp(picture: Tensor) -> bytes:
    out = io.BytesIO()
    frames.to_pillow(picture).save(out, "WEBP", quality=90, method=2)
    return out.getvalue()
