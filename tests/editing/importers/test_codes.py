"""Bare numbers become codes and vectors once their owner has said what they are."""

import io
import pickle

import numpy as np
import pytest
import torch

from editing import vectors
from editing.bundle import save_bundle
from editing.importers import errors
from editing.importers.codes import Model, import_codes, import_vector
from tests.editing.importers import foreign
from tests.factories.networks import tiny_bundle, tiny_codes

L, W = 6, 12
MODEL = Model(L, W, {"fingerprint": "ab" * 32, "bundle": "mine", "w_dim": W, "num_layers": L})
SAID = {"sign": 1, "license": "MIT"}


@pytest.fixture
def file(tmp_path):
    def write(content: object, kind: str = "npy"):
        path = tmp_path / f"smile.{kind}"
        buffer = io.BytesIO()
        if kind == "npy":
            np.save(buffer, content)
        elif kind == "npz":
            np.savez_compressed(buffer, **content)
        elif kind == "pt":
            torch.save(content, buffer)
        else:
            buffer.write(pickle.dumps(content, int(kind[-1])))
        path.write_bytes(buffer.getvalue())
        return path

    return write


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(L, W), (1, L, W), (L * W,), (1, L * W)])
def test_every_shape_of_w_plus_is_read_as_one_row_per_layer(file, shape):
    values = numbers(L, W)

    found = import_codes(file(values.reshape(shape)), model=MODEL)
    vector = import_vector(file(values.reshape(shape)), model=MODEL, **SAID)

    torch.testing.assert_close(found.w_plus, torch.from_numpy(values)[None])
    torch.testing.assert_close(vector.offset, torch.from_numpy(values))
    assert found.source["space"] == "w_plus"


def test_several_codes_are_read_together(file):
    values = numbers(3, L, W)

    found = import_codes(file({"w": torch.from_numpy(values)}, "pt"), model=MODEL)

    torch.testing.assert_close(found.w_plus, torch.from_numpy(values))


def test_a_code_of_w_is_repeated_on_every_layer_once_its_space_is_said(file):
    values = numbers(1, W).astype(np.float64)
    with pytest.raises(errors.ChoiceNeededError, match="fits W and Z"):
        import_codes(file(values), model=MODEL)

    found = import_codes(file(values), model=MODEL, space="w")

    assert found.w_plus.shape == (1, L, W)
    assert found.w_plus.dtype == torch.float32
    assert torch.equal(found.w_plus[0, 0], found.w_plus[0, 5])


def test_a_direction_of_w_acts_on_the_layers_that_were_said(file):
    values = numbers(1, W)
    with pytest.raises(errors.ChoiceNeededError, match="0-5 for all"):
        import_vector(file(values), model=MODEL, space="w", **SAID)

    vector = import_vector(file(values), model=MODEL, space="w", layers=(2, 3), **SAID)

    assert vector.card["layers"] == [2, 3]
    assert vector.card["learned_from"]["space"] == "w"
    torch.testing.assert_close(vector.offset[2], torch.from_numpy(values[0]))
    torch.testing.assert_close(vector.offset[3], torch.from_numpy(values[0]))
    assert not vector.offset[[0, 1, 4, 5]].any()


@pytest.mark.parametrize(("space", "why"), [("z", "mapping bends"), ("s", "per channel")])
def test_z_and_style_space_are_refused_with_the_reason(file, space, why):
    with pytest.raises(errors.SpaceError, match=why):
        import_vector(file(numbers(1, W)), model=MODEL, space=space, **SAID)
    with pytest.raises(errors.SpaceError, match=why):
        import_codes(file(numbers(1, W)), model=MODEL, space=space)


def test_sign_and_licence_are_asked_for_in_one_sentence(file):
    path = file(numbers(L, W))

    with pytest.raises(errors.ChoiceNeededError, match=r"sign .* and license"):
        import_vector(path, model=MODEL)
    with pytest.raises(errors.ChoiceNeededError, match="license"):
        import_vector(path, model=MODEL, sign=1)


def test_the_sign_turns_the_direction_around(file):
    path = file(numbers(L, W))

    there = import_vector(path, model=MODEL, sign=1, license="MIT")
    back = import_vector(path, model=MODEL, sign=-1, license="MIT")

    assert torch.equal(there.offset, -back.offset)
    assert back.card["learned_from"]["sign"] == -1


def test_codes_are_not_directions_but_the_difference_of_two_is(file):
    values = numbers(4, L, W)
    with pytest.raises(errors.ChoiceNeededError, match="4 rows"):
        import_vector(file(values), model=MODEL, **SAID)

    step = import_vector(file(values), model=MODEL, difference=(1, 3), **SAID)
    one = import_vector(file(values), model=MODEL, row=2, **SAID)

    torch.testing.assert_close(step.offset, torch.from_numpy(values[3] - values[1]))
    torch.testing.assert_close(one.offset, torch.from_numpy(values[2]))
    # The unit is the length of what was chosen, not of all that the file holds.
    assert step.card["unit_norm"] == pytest.approx(np.linalg.norm(values[3] - values[1]))
    assert one.card["unit_norm"] == pytest.approx(np.linalg.norm(values[2]))
    assert one.card["learned_from"]["norm"] == pytest.approx(np.linalg.norm(values))
    with pytest.raises(errors.ChoiceNeededError, match="no row 7"):
        import_vector(file(values), model=MODEL, row=7, **SAID)


def test_a_list_of_components_is_read_by_key_row_and_layers(file):
    content = {
        "comp": torch.from_numpy(numbers(10, 1, W)),
        "mean": torch.zeros(1, W),
        "std": torch.ones(10),
    }
    with pytest.raises(errors.ChoiceNeededError, match=r"comp \[10, 1, 12\], mean \[1, 12\]"):
        import_vector(file(content, "pt"), model=MODEL, space="w", **SAID)

    vector = import_vector(
        file(content, "pt"), model=MODEL, space="w", key="comp", row=4, layers=(0, 1), **SAID
    )

    torch.testing.assert_close(vector.offset[1], content["comp"][4, 0])


def test_projector_files_nest_their_code(file):
    content = {"me.png": {"img": torch.ones(2, 2), "latent": torch.ones(L, W), "noise": []}}

    found = import_codes(file(content, "pt"), model=MODEL, key="me.png/latent")

    assert found.w_plus.shape == (1, L, W)


@pytest.mark.parametrize("kind", ["pickle3", "pickle4", "pickle5"])
def test_a_pickle_of_plain_arrays_is_read_and_one_of_objects_is_not(file, kind):
    content = {"edit": numbers(L, W), "layers": [1, 2], "name": "smile"}

    vector = import_vector(file(content, kind), model=MODEL, **SAID)

    torch.testing.assert_close(vector.offset, torch.from_numpy(content["edit"]))
    with pytest.raises(errors.ObjectArrayError):
        import_vector(file(np.array([None, {}]), kind), model=MODEL, **SAID)
    with pytest.raises(errors.ObjectArrayError):
        import_codes(file({"w": np.array([None, {}])}, "npz"), model=MODEL)


@pytest.mark.parametrize(
    "values",
    [
        np.asfortranarray(numbers(L, W)),
        numbers(L, W).astype(">f8"),
        numbers(L, W).astype(np.float16),
    ],
    ids=["column order", "big endian", "half"],
)
def test_arrays_are_read_right_in_whatever_order_they_lie(file, values):
    for path in (file(values), file({"w": values}, "npz")):
        found = import_codes(path, model=MODEL)

        torch.testing.assert_close(found.w_plus[0], torch.from_numpy(values.astype("<f4")))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (numbers(5, W + 1), "[n, 6, 12] or [72] for this model, found [5, 13]"),
        (numbers(2, 3, W), "found [2, 3, 12]"),
        (np.float32(1.0), "found none"),
        (np.ones((L, W), np.int64), "found none"),
    ],
)
def test_shapes_of_another_model_are_refused_with_those_that_fit(file, values, told):
    with pytest.raises((errors.ShapesError, errors.UnknownFormatError)) as caught:
        import_codes(file(values), model=MODEL)

    assert told in str(caught.value)


def test_numbers_that_are_not_finite_and_directions_of_zeros_are_refused(file):
    values = numbers(L, W)
    values[2, 3] = np.inf

    with pytest.raises(errors.NotFiniteWeightsError, match="1 of 72"):
        import_codes(file(values), model=MODEL)
    with pytest.raises(errors.MalformedError, match="only zeros"):
        import_vector(file(np.zeros((L, W))), model=MODEL, **SAID)


def test_an_imported_vector_is_uncalibrated_and_survives_its_file(file, tmp_path):
    values = 3 * numbers(L, W)

    vector = import_vector(
        file(values), model=MODEL, sign=-1, license="CC-BY-4.0", title="Smile"
    )

    assert vector.card["calibration"] is None
    assert "uncalibrated" in vector.card["unit"]
    assert vector.card["license"] == "CC-BY-4.0"
    assert vector.card["model"]["fingerprint"] == "ab" * 32
    assert vector.card["unit_norm"] == pytest.approx(float(np.linalg.norm(values)))
    assert len(vector.card["learned_from"]["sha256"]) == 64
    vectors.save(vector, tmp_path / "smile.safetensors")
    again = vectors.load(tmp_path / "smile.safetensors")
    assert torch.equal(again.offset, vector.offset)
    assert again.card == vector.card


def test_a_vector_imported_for_a_bundle_is_of_that_bundle_and_can_be_measured(file, tmp_path):
    bundle = tiny_bundle()
    save_bundle(bundle, tmp_path / "bundle", samples={"a": tiny_codes(bundle.generator, 1)[0]})
    model = Model.of_folder(tmp_path / "bundle")
    assert model == Model.of_bundle(bundle)
    values = 0.1 * numbers(bundle.num_layers, bundle.w_dim)

    vector = import_vector(file(values), model=model, **SAID)

    assert vectors.compatibility(bundle, vector) == "same"
    measured = vectors.with_card(vector, vectors.measure(bundle, vector))
    assert measured.card["calibration"]["num_probes"] == len(bundle.probes)


def test_codes_of_an_imported_generator_know_it_by_its_fingerprint(tmp_path, file):
    from editing.importers.generators import import_generator

    sizes = foreign.Sizes(base=256, most=8, w_dim=8, z_dim=8, mapping_layers=2)
    path = tmp_path / "model.pkl"
    network = foreign.nvidia_network(foreign.official_state(sizes))
    path.write_bytes(foreign.nvidia_pickle(network))
    report = import_generator(path, tmp_path / "generator", with_preview=False)

    model = Model.of_folder(tmp_path / "generator")

    assert (model.num_layers, model.w_dim) == (8, 8)
    assert model.card["fingerprint"] == report.fingerprint
    assert "family" not in model.card
