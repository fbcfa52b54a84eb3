"""Files that are damaged, too large, of another kind or hostile are refused by name."""

import contextlib
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from editing.importers import containers, errors, layouts, pickles
from editing.importers.generators import import_generator
from editing.importers.limits import Budget, Limits
from editing.importers.process import read_apart
from tests.editing.importers import foreign
from tests.editing.importers.foreign import Does, Sizes

USUAL = Limits()
REFUSED_WITH_PEAK = """
import resource, sys
from pathlib import Path
from editing.importers.errors import LimitError
from editing.importers.generators import import_generator
try:
    import_generator(Path(sys.argv[1]), Path(sys.argv[2]))
except LimitError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
SMALL = Sizes(base=256, most=8, w_dim=8, z_dim=8, mapping_layers=2)


@pytest.fixture
def state():
    return foreign.official_state(SMALL)


def refused(tmp_path, data: bytes, *, limits: Limits | None = None) -> errors.EditingError:
    """Return the refusal of a whole import, in its own process, and that nothing is left."""
    file = tmp_path / "model.bin"
    file.write_bytes(data)
    with pytest.raises(errors.ImportRefusedError) as caught:
        import_generator(file, tmp_path / "result", limits=limits)
    assert not (tmp_path / "result").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    return caught.value


def read_here(data: bytes, *, limits: Limits = USUAL, arrays: bool = False):
    """Return what the reader makes of bytes, without the cost of a process."""
    return containers.read(memoryview(data), Budget(limits), arrays=arrays)


def understood(data: bytes):
    """Return the generator in bytes, without the cost of a process."""
    budget = Budget(Limits())
    _, root = containers.read(memoryview(data), budget, arrays=False)
    return layouts.check(layouts.find_generator(root, budget))


def pickled(content: object, protocol: int = 4) -> bytes:
    with foreign.named_modules():
        return pickle.dumps(content, protocol)


# -- code in files -------------------------------------------------------------------------


def calls(canary: Path) -> dict[str, bytes]:
    """Return files that touch `canary` if anything in them is executed."""
    command = f"touch {canary}"
    state = foreign.official_state(SMALL)
    source = f"import pathlib\npathlib.Path({str(canary)!r}).touch()\nclass Generator: pass\n"
    network = foreign.nvidia_network(state, source=source)
    storage = b"\x80\x02" + pickle.dumps(Does(os.system, command), 2)[2:]
    nested = (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps({"little_endian": True}, 2)
        + storage
    )
    with_namespace = {"g_ema": {}, "args": Does(eval, f"open({str(canary)!r}, 'w')")}
    evil_zip = io.BytesIO()
    with zipfile.ZipFile(evil_zip, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Does(os.system, command), 2))
    return {
        "a call of the shell": pickled({"G_ema": Does(os.system, command)}),
        "a call by protocol 2": pickled({"G_ema": Does(os.system, command)}, 2),
        "eval beside good weights": pickled({"G_ema": network, "x": Does(exec, source)}),
        "a hostile source": pickled({"G_ema": network, "x": Does(os.system, command)}),
        "a nested storage with a call": pickled(
            {"G_ema": Does(torch.storage._load_from_bytes, nested)}
        ),
        "arguments with a call": foreign.torch_file(with_namespace),
        "arguments with a call, zip-less": foreign.torch_file(with_namespace, legacy=True),
        "a zip file with a call": evil_zip.getvalue(),
        "an import": pickled(Does(__import__, "antigravity")),
    }


CALLS = sorted(calls(Path("unused")))


@pytest.mark.parametrize("name", CALLS)
def test_nothing_in_a_file_is_executed(tmp_path, name):
    canary = tmp_path / "canary"
    data = calls(canary)[name]

    error = refused(tmp_path, data)

    assert isinstance(error, errors.ForbiddenError)
    assert error.code == "import.forbidden"
    assert "not on the list" in str(error)
    assert not canary.exists()


def test_the_canary_would_sing_if_a_file_were_unpickled(tmp_path):
    canary = tmp_path / "canary"

    pickle.loads(calls(canary)["a call of the shell"])

    assert canary.exists()


def test_the_source_of_a_good_file_is_not_executed_either(tmp_path, state):
    canary = tmp_path / "canary"
    source = f"open({str(canary)!r}, 'w').close()"
    file = tmp_path / "model.pkl"
    file.write_bytes(foreign.nvidia_pickle(foreign.nvidia_network(state, source=source)))

    import_generator(file, tmp_path / "result", with_preview=False)

    assert (tmp_path / "result" / "manifest.json").exists()
    assert not canary.exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("attributes of a function", b"\x80\x04cbuiltins\nset\n}b."),
        ("an instance by INST", b"\x80\x02(ios\nsystem\n."),
        ("an extension code", b"\x80\x02\x82\x01."),
        ("data outside the pickle", b"\x80\x05\x97."),
        ("a persistent id", b"\x80\x04K\x01Q."),
        ("a call of a storage class", b"\x80\x04ctorch\nFloatStorage\n)R."),
        ("a call of a number", b"\x80\x04K\x01)R."),
    ],
)
def test_operations_that_checkpoints_do_not_need_are_forbidden(name, data):
    with pytest.raises(errors.ForbiddenError):
        read_here(data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("an item of a list", b"\x80\x02]K\x00K\x01s."),
        ("items of a number", b"\x80\x02K\x07(K\x00K\x01u."),
        ("items of a name", b"\x80\x02ctorch\nFloatStorage\n(K\x00K\x01u."),
        ("a value behind a number", b"\x80\x02K\x07K\x01a."),
        ("a dict as key", b"\x80\x02}}K\x01s."),
        ("a value that was never kept", b"\x80\x02h\x05."),
        ("nothing to take", b"\x80\x02R."),
        ("two results", b"\x80\x02NN."),
        ("something behind the end", b"\x80\x02N.trailing"),
        ("an unknown protocol", b"\x80\x02\x80\x09N."),
    ],
)
def test_operations_on_the_wrong_kind_of_value_are_refused(name, data):
    with pytest.raises(errors.MalformedError):
        read_here(data)


def test_the_allow_list_is_the_published_one():
    names = set(pickles.checkpoint_names(Budget(Limits())))

    assert names == {
        "torch_utils.persistence._reconstruct_persistent_obj",
        "collections.OrderedDict",
        "dnnlib.util.EasyDict",
        "builtins.set",
        "__builtin__.set",
        "_codecs.encode",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_tensor_v2",
        "torch.storage._load_from_bytes",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "argparse.Namespace",
        *(f"torch.{kind}Storage" for kind in ("Float", "Half", "Double", "Long", "BFloat16")),
    }


# -- the process ---------------------------------------------------------------------------

PROBE = """
import sys; sys.path.insert(0, sys.argv[1])
import mmap, os, socket, subprocess
from editing.importers.isolation import isolate
from editing.importers.limits import Limits
isolate(Limits(memory_bytes=1 << 30, cpu_seconds=1), 0)
def attempt(what):
    try: what()
    except BaseException as error: return type(error).__name__
    return "worked"
def bind():
    s = socket.socket()
def spin():
    while True: pass
tries = {
    "network": bind,
    "program": lambda: subprocess.run(["true"]),
    "fork": os.fork,
    "read": lambda: open("/etc/hostname"),
    "write": lambda: open(sys.argv[2], "w"),
    "remove": lambda: os.remove(sys.argv[1] + "/README.md"),
    "kill": lambda: os.kill(os.getppid(), 0),
    "memory": lambda: bytearray(2 << 30),
    "compute": lambda: sum(range(1000)),
}
name = sys.argv[3]
print(attempt(tries[name]) if name in tries else spin())
"""


def confined(tmp_path, what: str) -> subprocess.CompletedProcess:
    root = Path(containers.__file__).parents[2]
    command = [sys.executable, "-I", "-c", PROBE, str(root), str(tmp_path / "new"), what]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
@pytest.mark.parametrize(
    "what", ["network", "program", "fork", "read", "write", "remove", "kill"]
)
def test_the_reading_process_can_reach_nothing(tmp_path, what):
    assert confined(tmp_path, what).stdout.strip() in ("PermissionError", "BlockingIOError")
    assert not (tmp_path / "new").exists()


def test_the_reading_process_can_compute_within_its_memory(tmp_path):
    assert confined(tmp_path, "compute").stdout.strip() == "worked"
    assert confined(tmp_path, "memory").stdout.strip() == "MemoryError"


def test_the_reading_process_is_ended_when_its_computing_time_is_over(tmp_path):
    assert confined(tmp_path, "spin").returncode == -24


def test_a_reading_process_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("editing.importers.process._START", "import time; time.sleep(60)")
    file = tmp_path / "model.pkl"
    file.write_bytes(b"x")

    with pytest.raises(errors.TimeoutRefusedError):
        read_apart(file, want="generator", limits=Limits(wall_seconds=0.5))


def test_a_reading_process_that_talks_too_much_is_ended(tmp_path, monkeypatch):
    chatter = "import os\nwhile True: os.write(1, b'x' * 4096)"
    monkeypatch.setattr("editing.importers.process._START", chatter)
    file = tmp_path / "model.pkl"
    file.write_bytes(b"x")

    with pytest.raises(errors.LimitError):
        read_apart(file, want="generator", limits=Limits(wall_seconds=30))


def test_a_fault_of_the_reader_is_not_called_a_fault_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("editing.importers.process._START", "raise SystemError('ours')")
    file = tmp_path / "model.pkl"
    file.write_bytes(b"x")

    with pytest.raises(RuntimeError, match="ours"):
        read_apart(file, want="generator")


# -- too much ------------------------------------------------------------------------------


def test_a_million_storages_are_refused_long_before_the_last():
    named = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x07\0\0\0%07dX\3\0\0\0cpuK\1NtQ"
    listed = b"".join(named % number for number in range(1_000_000))
    data = zip_of({"archive/data.pkl": b"\x80\x02](" + listed + b"e."})

    with pytest.raises(errors.LimitError, match="at most 4,096 storages, found 4,097"):
        read_here(data)


def test_a_zip_file_of_a_million_entries_is_refused_unread():
    data = bytearray(zip_of({"archive/data.pkl": b"\x80\x02N."}))
    end = data.rfind(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<I", 60_000_000)

    with pytest.raises(errors.LimitError, match="directory of 60,000,000"):
        read_here(bytes(data))


def test_a_zip_file_with_too_many_entries_is_refused():
    entries = {"archive/data.pkl": b"\x80\x02N."} | {f"a/{i}": b"" for i in range(300)}

    with pytest.raises(errors.LimitError, match="at most 74 entries, found 301"):
        read_here(zip_of(entries), limits=Limits(storages=10))


@pytest.mark.parametrize(
    ("name", "data", "limits", "told"),
    [
        ("operations", b"\x80\x04" + b"N0" * 600 + b"N.", Limits(opcodes=1000), "opcodes"),
        ("lists in lists", b"\x80\x04" + b"](" * 300, Limits(), "100 levels"),
        ("tuples in tuples", b"\x80\x04)" + b"\x85" * 300 + b".", Limits(), "100 levels"),
    ],
)
def test_pickles_that_are_too_long_or_too_deep_are_refused(name, data, limits, told):
    with pytest.raises(errors.LimitError, match=told):
        read_here(data, limits=limits)


def test_a_file_with_too_many_numbers_is_refused_before_they_are_read(state):
    data = foreign.nvidia_pickle(foreign.nvidia_network(state))

    with pytest.raises(errors.LimitError, match="1,000 elements"):
        read_here(data, limits=Limits(elements=1000))


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    file = tmp_path / "model.pkl"
    with file.open("wb") as sparse:
        sparse.truncate(3 << 30)

    with pytest.raises(errors.LimitError, match="2,147,483,648 bytes, found 3,221,225,472"):
        import_generator(file, tmp_path / "result")


def test_a_zip_bomb_is_refused_and_memory_stays_small(tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(None, 2))
        archive.writestr("archive/data/0", b"\0" * (200 << 20))
    assert len(bomb.getvalue()) < 1 << 20

    (tmp_path / "model.bin").write_bytes(bomb.getvalue())

    # A process of its own, since the peak of children is that of the largest there ever was.
    asked = subprocess.run(
        [sys.executable, "-c", REFUSED_WITH_PEAK, tmp_path / "model.bin", tmp_path / "result"],
        capture_output=True,
        text=True,
        check=True,
    )

    *said, peak_kib = asked.stdout.splitlines()
    assert "209,715,200" in said[0]
    assert int(peak_kib) < 1 << 20


def test_an_array_file_that_unpacks_too_far_is_refused():
    bomb = io.BytesIO()
    np.savez_compressed(bomb, w=np.zeros(1 << 20))

    with pytest.raises(errors.LimitError, match="unpacks to"):
        read_here(bomb.getvalue(), limits=Limits(array_elements=1000), arrays=True)


def test_an_entry_that_lies_about_its_size_is_refused():
    data = bytearray(zip_of({"w.npy": npy(np.zeros(4096))}, zipfile.ZIP_DEFLATED))
    place = data.rfind(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 100)

    with pytest.raises((errors.MalformedError, errors.TruncatedError)):
        read_here(bytes(data), arrays=True)


def test_a_tensor_that_repeats_its_storage_is_no_bomb():
    data = pickled({"G_ema": torch.zeros(1).expand(1000, 1000, 1000)})

    with pytest.raises(errors.MalformedError, match="storage of 1 numbers"):
        read_here(data)


def test_numbers_that_no_message_could_print_are_refused():
    huge = 1 << 40_000
    told = {"synthesis_kwargs": {"conv_clamp": huge}}
    network = foreign.nvidia_network(foreign.official_state(SMALL), **told)
    with pytest.raises(errors.MalformedError, match="clamp"):
        understood(foreign.nvidia_pickle(network))
    with pytest.raises(errors.MalformedError, match="64 bits"):
        read_here(pickled({huge: 1}))
    name = f"synthesis.b{'9' * 5000}.const"
    with pytest.raises(errors.MalformedError, match="letters"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network({name: torch.ones(1)})))


def test_a_reader_that_runs_out_of_memory_refuses_the_file(tmp_path):
    file = tmp_path / "codes.npy"
    np.save(file, np.ones((4000, 4000), np.float64))

    with pytest.raises(errors.LimitError, match="at most 32 MiB"):
        read_apart(file, want="arrays", limits=Limits(memory_bytes=32 << 20))


def test_lists_that_are_shared_cost_no_more_than_their_length(tmp_path):
    shared: list[object] = [0.0] * 1000
    for _ in range(6):
        shared = [shared] * 1000
    file = tmp_path / "codes.pkl"
    file.write_bytes(pickle.dumps(shared, 4))

    with pytest.raises(errors.LimitError, match="opcodes"):
        read_apart(file, want="arrays")


def test_a_network_that_contains_itself_is_refused(state):
    network = foreign.nvidia_network(state)
    network.synthesis.b4._modules["again"] = network.synthesis

    with pytest.raises((errors.MalformedError, errors.LimitError)):
        understood(foreign.nvidia_pickle(network))


# -- damaged -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pickle", "torch-zip", "torch-legacy"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused_as_truncated(state, kind, share):
    renamed = {"g_ema": foreign.rosinality_state(state)}
    data = {
        "pickle": lambda: foreign.nvidia_pickle(foreign.nvidia_network(state)),
        "torch-zip": lambda: foreign.torch_file(renamed),
        "torch-legacy": lambda: foreign.torch_file(renamed, legacy=True),
    }[kind]()
    cut = data[: max(20, int(len(data) * share))]

    with pytest.raises(errors.TruncatedError):
        read_here(cut)


def test_an_empty_file_is_refused(tmp_path):
    assert isinstance(refused(tmp_path, b""), errors.TruncatedError)


@pytest.mark.parametrize(
    "data", [b"not a model", b"\x89PNG\r\n\x1a\n" + b"0" * 50, b"\x1f\x8b\x08" + b"0" * 50]
)
def test_a_file_of_another_kind_is_refused_with_what_is_read(tmp_path, data):
    error = refused(tmp_path, data)

    assert isinstance(error, errors.UnknownFormatError)
    assert ".pkl" in str(error)


def test_a_missing_file_a_folder_and_a_taken_target_are_refused(tmp_path, state):
    with pytest.raises(errors.UnreadableError, match="No such file"):
        import_generator(tmp_path / "none", tmp_path / "result")
    with pytest.raises(errors.UnreadableError, match="expected a file"):
        import_generator(tmp_path, tmp_path / "result")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(errors.UnreadableError, match="expected a file"):
        import_generator(tmp_path / "pipe", tmp_path / "result")
    (tmp_path / "taken").mkdir()
    with pytest.raises(errors.UnreadableError, match="yet to be made"):
        import_generator(tmp_path / "none", tmp_path / "taken")


@pytest.mark.parametrize("seed", range(60))
def test_bytes_flipped_at_random_are_refused_or_harmless(state, seed):
    noise = np.random.RandomState(seed)
    content = {"g_ema": foreign.rosinality_state(state)}
    whole = [
        foreign.nvidia_pickle(foreign.nvidia_network(state)),
        foreign.torch_file(content),
        foreign.torch_file(content, legacy=True),
    ][seed % 3]
    data = bytearray(whole)
    for place in noise.randint(0, len(data), 40):
        data[place] = noise.randint(256)

    # Anything but a refusal would fail: most flips hit weights and change numbers only.
    with contextlib.suppress(errors.ImportRefusedError):
        assert understood(bytes(data)).config["resolution"] == 32


# -- the wrong networks --------------------------------------------------------------------


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, state):
    state["synthesis.b8.conv1.weight"][0, 1, 2, 0] = float("nan")

    error = refused(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state)))

    assert isinstance(error, errors.NotFiniteWeightsError)
    assert "synthesis.b8.conv1.weight" in str(error)
    assert "found 1 of" in str(error)


def test_finite_weights_whose_picture_is_not_finite_are_refused(tmp_path, state):
    state["synthesis.b32.torgb.weight"].fill_(3e38)
    state["synthesis.b32.torgb.affine.bias"].fill_(3e38)

    error = refused(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state)))

    assert isinstance(error, errors.NotFiniteWeightsError)
    assert "picture of seed" in str(error)


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("synthesis.b8.conv1.weight", (8, 8, 1, 1), "[8, 8, 3, 3], found [8, 8, 1, 1]"),
        ("synthesis.b8.conv0.affine.weight", (8, 9), "[8, 8], found [8, 9]"),
        ("mapping.fc1.weight", (8, 7), "[8, 8], found [8, 7]"),
        ("mapping.w_avg", (5,), "[8], found [5]"),
        ("synthesis.b4.const", (8, 4, 2), "square constant [C, 4, 4], found [8, 4, 2]"),
        ("synthesis.b4.torgb.weight", (1, 8, 1, 1), "3 channels, found 1"),
        ("synthesis.b16.conv1.noise_const", (8, 8), "[16, 16], found [8, 8]"),
    ],
)
def test_wrong_shapes_are_refused_with_both_shapes(state, name, shape, told):
    state[name] = torch.ones(shape)

    with pytest.raises(errors.ShapesError) as caught:
        understood(foreign.nvidia_pickle(foreign.nvidia_network(state)))

    assert told in str(caught.value)


def test_missing_and_unknown_layers_are_refused_by_name(state):
    short = {k: v for k, v in state.items() if k != "synthesis.b16.conv0.bias"}
    with pytest.raises(errors.ArchitectureError, match=r"expected synthesis\.b16\.conv0\.bias"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network(short)))

    more = {**state, "synthesis.b16.attention.weight": torch.ones(2)}
    with pytest.raises(errors.ArchitectureError, match=r"found synthesis\.b16\.attention"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network(more)))


def test_resolutions_beyond_the_supported_are_refused():
    for resolution in (16, 2048):
        sizes = Sizes(
            resolution, base=64, most=2, w_dim=4, z_dim=4, mapping_layers=1, noise=False
        )
        network = foreign.nvidia_network(foreign.official_state(sizes))

        with pytest.raises(errors.ShapesError, match="32 to 1024"):
            understood(foreign.nvidia_pickle(network))


def test_a_gap_in_the_blocks_is_refused(state):
    holes = {k: v for k, v in state.items() if not k.startswith("synthesis.b16.")}

    with pytest.raises(errors.ShapesError, match="found 4, 8, 32"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network(holes)))


def test_conditional_models_are_refused_with_their_number_of_classes(tmp_path, state):
    state["mapping.embed.weight"] = torch.ones(8, 10)
    state["mapping.embed.bias"] = torch.ones(8)

    error = refused(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(state)))

    assert isinstance(error, errors.ConditionalError)
    assert "10 classes" in str(error)


def test_the_resnet_architecture_is_refused(state):
    state["synthesis.b8.skip.weight"] = torch.ones(8, 8, 1, 1)

    with pytest.raises(errors.ArchitectureError, match="resnet architecture"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network(state)))


def test_the_orig_architecture_is_refused(state):
    kept = {k: v for k, v in state.items() if "torgb" not in k or "b32" in k}

    with pytest.raises(errors.ArchitectureError, match=r"skip architecture .*torgb"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network(kept)))


def test_another_resampling_filter_is_refused(state):
    state["synthesis.b8.resample_filter"] = torch.ones(4, 4) / 16

    with pytest.raises(errors.ArchitectureError, match=r"filter \[1, 3, 3, 1\]"):
        understood(foreign.nvidia_pickle(foreign.nvidia_network(state)))


def test_stylegan3_is_refused_by_its_layers_and_by_its_arrays(tmp_path):
    layers = {
        "synthesis.input.weight": torch.ones(4, 4),
        "synthesis.L0_36_512.weight": torch.ones(4, 4, 3, 3),
        "mapping.w_avg": torch.ones(4),
    }
    error = refused(tmp_path, foreign.nvidia_pickle(foreign.nvidia_network(layers)))
    assert isinstance(error, errors.StyleGan3Error)

    network = foreign.nvidia_network({"mapping.w_avg": torch.ones(4)}, margin=np.ones(3))
    with pytest.raises(errors.StyleGan3Error, match="StyleGAN3 files"):
        understood(foreign.nvidia_pickle(network))


def test_tensorflow_files_are_refused_by_name(tmp_path):
    data = b"\x80\x03cdnnlib.tflib.network\nNetwork\nq\x00)\x81q\x01}q\x02b."

    error = refused(tmp_path, data)

    assert isinstance(error, errors.TensorFlowError)
    assert "TensorFlow" in str(error)
    with pytest.raises(errors.TensorFlowError, match="three networks"):
        read_here(pickled(({}, {}, {})))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"model": {}}, "found model"),
        ({"state_dict": {"encoder.x": torch.ones(1)}}, "decoder"),
        ({"g_ema": {"layers.0.weight": torch.ones(1)}}, "layers.0.weight"),
        ({}, "found nothing"),
        ([1, 2], "found a list"),
        ({"G_ema": None}, "G_ema"),
        ({"g_ema": {"style.1.weight": torch.ones(2, 2)}}, "synthesis.b4.const"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_with_what_was_found(content, told):
    with pytest.raises(errors.ArchitectureError, match=told):
        understood(foreign.torch_file(content))


def test_a_mean_style_of_the_wrong_width_is_refused(state):
    content = {"g_ema": foreign.rosinality_state(state), "latent_avg": torch.ones(5)}

    with pytest.raises(errors.ShapesError, match=r"latent_avg \[8\]"):
        understood(foreign.torch_file(content))


# -- storages and arrays -------------------------------------------------------------------


def test_storages_of_other_types_and_orders_are_refused():
    with pytest.raises(errors.ForbiddenError, match=r"torch\.IntStorage"):
        read_here(foreign.torch_file({"x": torch.ones(2, dtype=torch.int32)}))
    with pytest.raises(errors.MalformedError, match="little-endian"):
        read_here(zip_of({"a/data.pkl": b"\x80\x02N.", "a/byteorder": b"big"}))


def test_a_storage_with_too_few_bytes_is_refused():
    data = zip_rewritten(foreign.torch_file({"x": torch.ones(100)}), "data/0", b"\0" * 12)

    with pytest.raises(errors.MalformedError, match="100 numbers of float32, found 12 bytes"):
        read_here(data)


def test_a_tensor_beyond_its_storage_is_refused():
    from torch._utils import _rebuild_tensor_v2

    storage = torch.ones(4)._typed_storage()
    for offset, size, stride in ((2, (3,), (1,)), (0, (2, 2), (3, 1)), (-1, (2,), (1,))):
        call = Does(_rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())
        with pytest.raises(errors.MalformedError):
            read_here(pickled(call))


def test_object_arrays_are_refused_by_name(tmp_path):
    array = np.array([{"a": 1}, None], dtype=object)

    for data in (npy(array), npz(w=array), pickled(array)):
        with pytest.raises(errors.ObjectArrayError, match="Python objects"):
            read_here(data, arrays=True)


@pytest.mark.parametrize("shape", [(-1, -5), (-5,), (0, 1 << 70), (1,) * 70])
def test_an_array_of_impossible_sizes_is_refused(shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(20)

    for content in (data, zip_of({"w.npy": data})):
        with pytest.raises(errors.MalformedError, match="sizes"):
            read_here(content, arrays=True)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_array_with_flipped_bits_is_refused(how):
    content = npy(np.random.RandomState(0).standard_normal((10, 16)))
    data = bytearray(zip_of({"w.npy": content}, how))
    begin = 30 + len("w.npy")
    for at in range(begin + 12, begin + 60):
        data[at] ^= 0x5A

    with pytest.raises(errors.MalformedError, match=r"w\.npy"):
        read_here(bytes(data), arrays=True)


def test_a_short_pickle_that_makes_no_sense_is_malformed_and_not_truncated():
    # A name, whose line ends well before the file does, then a tuple of nothing.
    data = b"\x80\x02ccollections\nOrderedDict\n0\x86."

    with pytest.raises(errors.MalformedError, match="tuple of things"):
        read_here(data)
    with pytest.raises(errors.MalformedError, match="not a pickle"):
        read_here(b"\x80\x02ccollections\nOrderedDict\n00.")


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zip_of(entries: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file.getvalue()


def zip_rewritten(data: bytes, suffix: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return zip_of({k: content if k.endswith(suffix) else v for k, v in entries.items()})
