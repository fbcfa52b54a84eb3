"""The smile benchmark as a whole, and the parts that its figures rest on."""

import json
from dataclasses import replace

import pytest
import torch

from editing import optimize, vectors
from editing.benchmark.smile import examiner, methods, pictures, protocol, refining, report
from editing.benchmark.smile import run as runs
from editing.benchmark.smile.methods import Setting
from editing.benchmark.smile.protocol import Protocol
from editing.benchmark.smile.store import Store
from editing.bundle import BundleError, load_bundle, save_bundle
from editing.vectors import EditVector
from tests.factories.networks import blocks_family, tiny_bundle, tiny_judge

PLAN = Protocol(
    num_test=6,
    num_curve=3,
    num_tuning=4,
    num_reference=40,
    invert_steps=2,
    strengths=(1.0, 2.0),
    refinements=(1, 2),
    num_samples=60,
    num_renders=16,
    train_seconds=0.2,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    saved = tiny_bundle(judge=tiny_judge(), regressor=tiny_judge(1))
    save_bundle(saved, folder)
    offset = saved.probes[1] - saved.probes[0]
    (folder / "vectors").mkdir()
    vectors.save(EditVector(offset, frozenset({2})), folder / "vectors/smile.safetensors")
    return load_bundle(folder)


@pytest.fixture(scope="module")
def measured(bundle, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("work"))
    setting = Setting(bundle, blocks_family(), PLAN, store)
    *_, found = runs.run(setting, num_shown=2)
    return setting, found


# -- the whole ---------------------------------------------------------------------------


def test_every_method_is_measured_on_the_same_pictures(measured):
    _, found = measured

    names = [(row.method, row.refinement) for row in found.rows]
    assert names[:2] == [("the renderer itself", 0), ("inversion, no edit", 0)]
    assert {name for name, _ in names[2:]} == {
        "MaskGAN",
        "LocalEditing",
        "InterFaceGAN",
        "InterFaceGAN, unconditioned",
        "StyleGAN2-Distillation",
        "EditGAN",
    }
    assert ("EditGAN", 30) in names
    assert {row.score.num for row in found.rows} == {6}
    assert [curve.name for curve in found.curves][-3:] == [
        "EditGAN",
        "EditGAN + 1",
        "EditGAN + 2",
    ]
    assert all(curve.strengths[0] == 0 for curve in found.curves)


def test_a_second_run_gives_the_same_figures_and_trains_nothing_again(measured, monkeypatch):
    setting, found = measured
    monkeypatch.setattr(
        refining, "refine", lambda *args, **kwargs: pytest.fail("refined a second time")
    )
    monkeypatch.setattr(
        pictures.inversion, "invert", lambda *args, **kwargs: pytest.fail("inverted again")
    )

    *_, again = runs.run(
        Setting(setting.bundle, setting.family, PLAN, setting.store), num_shown=2
    )

    def figures(rows):
        return [(row.method, row.strength, row.refinement, row.score) for row in rows]

    assert figures(again.rows) == figures(found.rows)


def test_tables_json_and_pictures_are_written(measured, tmp_path):
    _, found = measured
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n{report.BEGIN}\nold\n{report.END}\nAfter.\n")

    report.write(found, tmp_path)
    report.update_page(page, found)

    data = json.loads((tmp_path / "smile.json").read_text())
    assert data["fingerprint"] == found.fingerprint
    assert len(data["rows"]) == len(found.rows)
    for name in ("smile-curve.png", "smile-people.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert text.startswith("Before.")
    assert text.endswith("After.\n")
    assert "old" not in text
    assert "| StyleGAN2-Distillation | – |" in text
    (tmp_path / "plain.md").write_text("nothing")
    with pytest.raises(ValueError, match="no lines"):
        report.update_page(tmp_path / "plain.md", found)


def test_a_bundle_without_judge_or_smile_vector_is_refused(tmp_path):
    setting = Setting(tiny_bundle(), blocks_family(), PLAN, Store(tmp_path))

    with pytest.raises(BundleError, match="smile vector"):
        next(runs.run(setting))
    with pytest.raises(BundleError, match="judge"):
        examiner.appoint(setting.bundle, setting.family, PLAN, setting.store)


# -- refining many pictures at once ----------------------------------------------------------


def test_refining_many_pictures_at_once_is_refining_each_alone():
    bundle = tiny_bundle(3, dtype=torch.float64, regressor=tiny_judge(1).double())
    codes = bundle.probes[:3]
    offset = bundle.probes[3] - bundle.probes[0]
    parts = frozenset({1, 2})

    together = refining.refine(bundle, codes, offset, 0.7, parts=parts, steps=(2, 5))

    for i, code in enumerate(codes.split(1)):
        for steps in (2, 5):
            alone = optimize.best(
                optimize.refine(bundle, code, [(offset, 0.7)], steps=steps, parts=parts)
            )
            assert torch.allclose(together[steps][i], alone.w_plus[0], atol=1e-8)
    assert not torch.equal(together[2], together[5])


def test_refined_pictures_of_shorter_inversions_are_not_taken_for_those_of_longer(
    bundle, tmp_path
):
    found = {}
    for invert_steps in (1, 6):
        plan = replace(PLAN, invert_steps=invert_steps)
        setting = Setting(bundle, blocks_family(), plan, Store(tmp_path))
        given = pictures.gather(bundle, setting.family, plan, setting.store, which="tuning")
        ours = methods.EditGan(setting)
        codes = refining.refine(
            bundle, given.w_plus, ours.vector.offset, 1.0, parts=ours.vector.parts, steps=(1,)
        )
        kept = ours.refine(given, 1.0, (1,), name="table")[1]
        assert torch.allclose(kept, pictures.render(bundle, codes[1]), atol=1e-5)
        found[invert_steps] = kept

    assert not torch.equal(found[1], found[6])


def test_a_picture_without_the_parts_stays_as_applied():
    bundle = tiny_bundle()
    offset = bundle.probes[1] - bundle.probes[0]
    nowhere = frozenset[int]()

    found = refining.refine(bundle, bundle.probes, offset, 1.0, parts=nowhere, steps=(2,))

    assert torch.equal(found[2], bundle.probes + offset)


# -- who is asked, and who judges ------------------------------------------------------------


def test_neutral_people_smile_less_than_the_median_and_their_doubles_as_much_more():
    family = blocks_family()

    neutral = protocol.people(family, 200, seed=1, smile=protocol.NEUTRAL)
    happy = protocol.smiling(family, neutral)

    middle = protocol.median(family)
    # Uniform on -1 to 1: percentiles 3 to 25 are -0.94 to -0.5.
    assert float(neutral.get("smile").min()) >= -0.941
    assert float(neutral.get("smile").max()) <= -0.499
    assert torch.allclose(happy.get("smile") - middle, middle - neutral.get("smile"))
    assert torch.equal(happy.get("a"), neutral.get("a"))


def test_fewer_test_pictures_are_the_first_of_more(bundle, tmp_path):
    store, family = Store(tmp_path), blocks_family()

    few = pictures.gather(bundle, family, replace(PLAN, num_test=2), store, which="test")
    more = pictures.gather(bundle, family, replace(PLAN, num_test=5), store, which="test")

    assert torch.equal(few.images, more.images[:2])
    assert torch.equal(few.factors.values, more.factors.values[:2])


@pytest.mark.parametrize(
    ("readings", "truth", "threshold"),
    [
        ([-2.0, -1.0, 1.0, 2.0], [False, False, True, True], 0.0),
        ([3.0, 0.0, 1.0, 2.0, 9.0], [True, False, False, True, True], 1.5),
        # One sad face that looks happy: the cut with a single error.
        ([0.0, 1.0, 2.0, 3.0, 4.0], [False, False, True, False, True], 1.5),
    ],
)
def test_the_threshold_makes_the_fewest_errors(readings, truth, threshold):
    found = examiner.best_threshold(torch.tensor(readings), torch.tensor(truth))

    assert found == threshold


def test_untouched_pictures_keep_their_identity_and_do_not_smile_more(measured):
    setting, found = measured
    judge = examiner.appoint(setting.bundle, setting.family, PLAN, setting.store)
    test = pictures.gather(setting.bundle, setting.family, PLAN, setting.store, which="test")

    score = judge.score(test.images, test.images)

    assert score.identity == pytest.approx(1, abs=1e-5)
    assert 0 <= score.accuracy <= 1
    assert found.unrelated_identity < 0.5


def test_the_weakest_strength_that_is_enough_is_chosen(measured):
    setting, _ = measured
    tuning = pictures.gather(
        setting.bundle, setting.family, PLAN, setting.store, which="tuning"
    )
    column = setting.column("smile")
    middle = float(setting.samples[1][:, column].median())

    class Raising(methods.Method):
        name, strengths = "raising", (1.0, 2.0, 3.0)

        def prepare(self):
            return methods.Trained("nothing", 0.0)

        def edit(self, given, strength):
            return torch.full_like(given.images, strength)

    def read(images):
        codes = torch.zeros(len(images), 8)
        # Three quarters smile at strength 2, all of them at 3.
        share = {1.0: 0.5, 2.0: 0.75, 3.0: 1.0}[float(images[0, 0, 0, 0])]
        codes[:, column] = middle - 1
        codes[: round(share * len(images)), column] = middle + 1
        return codes

    method = Raising(setting)
    object.__setattr__(setting, "read", read)
    try:
        assert methods.tuned_strength(method, tuning, accuracy=0.7) == 2.0
        assert methods.tuned_strength(method, tuning, accuracy=0.9) == 3.0
        method.strengths = (1.0, 2.0)
        assert methods.tuned_strength(method, tuning, accuracy=0.9) == 2.0
    finally:
        object.__delattr__(setting, "read")


def test_work_that_was_broken_off_is_taken_up_where_it_stopped(tmp_path):
    asked: list[slice] = []

    def make(rows: slice) -> dict[str, torch.Tensor]:
        if rows.start == 4 and len(asked) < 3:
            asked.append(rows)
            raise KeyboardInterrupt
        asked.append(rows)
        return {"x": torch.arange(rows.start, rows.stop)}

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.keep_chunks("numbers", 7, make, chunk=2)

    found = store.keep_chunks("numbers", 7, make, chunk=2)

    assert found["x"].tolist() == list(range(7))
    assert [rows.start for rows in asked] == [0, 2, 4, 4, 6]
