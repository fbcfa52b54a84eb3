"""Pictures that the renderer could never make, carried through and shown."""

import torch

from editing import vectors
from editing.benchmark import out_of_domain
from editing.inversion.invert import InvertOptions
from editing.inversion.tune import TuneOptions
from editing.optimize import OptimizeOptions
from editing.out_of_domain import PhotoOptions
from tests.factories.networks import tiny_bundle, tiny_codes


def test_there_are_a_drawing_a_painting_and_a_photograph_always_the_same():
    first, second = list(out_of_domain.strangers()), list(out_of_domain.strangers())

    assert [one.title for one in first] == ["ink drawing", "painted filter", "photograph"]
    for one, again in zip(first, second, strict=True):
        assert torch.equal(one.picture, again.picture)
        assert one.placement.cut(one.picture, 64).std() > 0.1


def test_a_sheet_has_a_row_for_each_and_tells_what_tuning_brought():
    bundle = tiny_bundle()
    before, after = tiny_codes(bundle.generator, 2, seed=9).split(1)
    stack = [(vectors.make(bundle, before, after, parts=frozenset({1, 2, 3})), 0.5)]
    quick = PhotoOptions(
        invert=InvertOptions(steps=3), refine=OptimizeOptions.for_refining(steps=2)
    )
    stranger = next(out_of_domain.strangers())

    carried = out_of_domain.carry(
        bundle, stranger, stack, options=quick, tuning=TuneOptions(steps=20)
    )
    figures = carried.figures(bundle)
    sheet = out_of_domain.sheet(bundle, [carried, carried], cell=64)

    assert figures["tuned_psnr_db"] > figures["psnr_db"]
    assert figures["tuning_bytes"] > 0
    assert sheet.width > 7 * 64
    assert sheet.height > 2 * 64
