"""What does a pickle say, if nobody does what it says?

A pickle is a program for a small stack machine. The standard library's lexer takes it
apart; the machine here runs it over inert data. It has no way to import, call or set an
attribute: a global is looked up in a table of a dozen names and becomes a function of this
module, or the file is refused by that name. Weight data is not copied but viewed.

Source: the engine's reference on checkpoint formats; opcodes as in `pickletools`.
"""

import hashlib
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from editing.importers.errors import (
    ForbiddenError,
    LimitError,
    MalformedError,
    ObjectArrayError,
    StyleGan3Error,
    TensorFlowError,
    TruncatedError,
)
from editing.importers.limits import Budget

MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
PROTOCOLS = range(2, 6)
VIEW_FROM = 1 << 12
MAX_LINE = 1 << 12
MAX_SIZE = 1 << 40

STORAGE_DTYPES: Mapping[str, str] = {
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.DoubleStorage": "float64",
    "torch.LongStorage": "int64",
    "torch.BFloat16Storage": "bfloat16",
}
ITEM_BYTES = {"float32": 4, "float16": 2, "float64": 8, "int64": 8, "bfloat16": 2}


class Window:
    """A file-like view of bytes in memory; large reads are views too, not copies."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0
        self.ran_out = False

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self.at

    def read(self, count: int) -> "bytes | memoryview":
        """Return the next `count` bytes, or fewer at the end."""
        piece = self.data[self.at : self.at + count]
        self.ran_out = self.ran_out or len(piece) < count
        self.at += len(piece)
        return piece if len(piece) >= VIEW_FROM else bytes(piece)

    def readline(self) -> bytes:
        """Return the bytes up to and with the next newline, at most 4 KiB."""
        piece = bytes(self.data[self.at : self.at + MAX_LINE])
        end = piece.find(b"\n") + 1 or len(piece)
        self.ran_out = self.ran_out or (b"\n" not in piece and len(piece) < MAX_LINE)
        self.at += end
        return piece[:end]

    def rest(self, count: int) -> memoryview:
        """Return exactly the next `count` bytes as a view.

        Raises:
            TruncatedError: there are fewer.
        """
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            raise TruncatedError(f"expected {count:,} more bytes, found {len(piece):,}")
        self.at += count
        return piece


@dataclass(frozen=True, slots=True)
class Global:
    """A name of the allow-list: `call` is ours, never what the name means elsewhere."""

    name: str
    call: Callable[[tuple[Any, ...]], Any] | None = None


@dataclass(slots=True)
class Record:
    """An object of a class that is not here: its name and its attributes, inert."""

    class_name: str
    state: dict[Any, Any] = field(default_factory=dict)
    source_sha256: str = ""


@dataclass(slots=True)
class Storage:
    """A run of numbers; `data` arrives later in files that keep it apart."""

    dtype: str
    count: int
    data: memoryview | None = None

    def fill(self, data: memoryview) -> None:
        """Take the bytes of the run.

        Raises:
            TruncatedError: too few. MalformedError: too many.
        """
        expected = self.count * ITEM_BYTES[self.dtype]
        if len(data) != expected:
            kind = TruncatedError if len(data) < expected else MalformedError
            raise kind(f"expected {expected:,} bytes of {self.dtype}, found {len(data):,}")
        self.data = data


@dataclass(frozen=True, slots=True)
class TensorView:
    """A strided view of a storage; every index is known to lie inside it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """Return the name of the numbers' type."""
        return self.storage.dtype

    def array(self) -> np.ndarray:
        """Return the numbers: float64 and int64 as they are, all other types as float32.

        Raises:
            TruncatedError: the file ended before the storage.
        """
        if self.storage.data is None:
            raise TruncatedError(f"no data for a tensor of shape {self.shape}")
        raw_type = "<u2" if self.dtype == "bfloat16" else np.dtype(self.dtype).newbyteorder("<")
        flat = np.frombuffer(self.storage.data, dtype=raw_type)
        item = flat.itemsize
        view = np.lib.stride_tricks.as_strided(
            flat[self.offset :], self.shape, [s * item for s in self.strides], writeable=False
        )
        if self.dtype == "bfloat16":
            return (view.astype("<u4") << 16).view("<f4")
        return view.astype("<f4") if self.dtype == "float16" else view


@dataclass(slots=True)
class PlainArray:
    """A numpy array being rebuilt; `values` is there once its state has arrived."""

    values: np.ndarray | None = None


@dataclass(slots=True)
class DType:
    """A numpy type of plain numbers; `code` as in "f8"."""

    code: str


class Unpickler:
    """Runs pickles over inert data. One per file, so that its limits count for the whole.

    `allowed` maps global names to what stands for them. `storages` are those that persistent
    ids named, by key.
    """

    def __init__(
        self, allowed: Mapping[str, Global], budget: Budget, *, by_id: bool = False
    ) -> None:
        self.allowed = allowed
        self.budget = budget
        self.by_id = by_id
        self.storages: dict[str, Storage] = {}

    def load(self, window: Window) -> Any:
        """Return the object of the pickle at the window's position, which moves behind it.

        Raises:
            ImportRefusedError: truncated, malformed, too large, or a name not allowed.
        """
        try:
            return self._run(window)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            # What the lexer raises on bytes that are no pickle; nothing of ours is meant.
            if window.ran_out:
                raise TruncatedError(f"the pickle ends early, at byte {window.at:,}") from error
            message = str(error)[:200]
            raise MalformedError(f"not a pickle, at byte {window.at:,}: {message}") from error
        except RecursionError as error:
            raise LimitError("the pickle is nested too deeply") from error

    def _run(self, window: Window) -> Any:
        stack: list[Any] = []
        marks: list[int] = []
        memo: dict[int, Any] = {}
        limits = self.budget.limits

        def since_mark() -> list[Any]:
            start = marks.pop()
            items = stack[start:]
            del stack[start:]
            return items

        # The lexer only reads, tells and reads lines.
        for opcode, argument, _ in pickletools.genops(window):  # type: ignore[arg-type]
            arg: Any = argument
            name = opcode.name
            self.budget.spend("opcodes")
            if name == "PROTO":
                if arg not in PROTOCOLS:
                    raise MalformedError(f"expected pickle protocol 2 to 5, found {arg}")
            elif name == "FRAME":
                pass
            elif name == "STOP":
                (result,) = stack
                check_depth(result, limits.depth)
                return result
            elif name in _PUSHES_ARGUMENT:
                stack.append(arg)
            elif name in _CONSTANTS:
                stack.append(_CONSTANTS[name]())
            elif name == "MARK":
                marks.append(len(stack))
                if len(marks) > limits.depth:
                    raise LimitError(f"expected at most {limits.depth} levels, found more")
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[arg] = stack[-1]
            elif name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                stack.append(memo[arg])
            elif name in _TUPLES:
                count = _TUPLES[name]
                items = stack[len(stack) - count :]
                if len(items) != count:
                    raise MalformedError("a tuple of things that are not there")
                stack[len(stack) - count :] = [tuple(items)]
            elif name == "TUPLE":
                stack.append(tuple(since_mark()))
            elif name == "LIST":
                stack.append(since_mark())
            elif name == "DICT":
                stack.append(_filled({}, since_mark()))
            elif name == "APPEND":
                value = stack.pop()
                _a(list, stack[-1]).append(value)
            elif name == "APPENDS":
                values = since_mark()
                _a(list, stack[-1]).extend(values)
            elif name == "SETITEM":
                value, key = stack.pop(), stack.pop()
                _filled(_a(dict, stack[-1]), [key, value])
            elif name == "SETITEMS":
                values = since_mark()
                _filled(_a(dict, stack[-1]), values)
            elif name == "ADDITEMS":
                values = since_mark()
                _a(set, stack[-1]).update(_key(value) for value in values)
            elif name == "GLOBAL":
                stack.append(self._global(arg.replace(" ", ".", 1)))
            elif name == "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(self._global(f"{_a(str, module)}.{_a(str, attribute)}"))
            elif name in ("REDUCE", "NEWOBJ"):
                arguments, what = stack.pop(), stack.pop()
                stack.append(_stand_in(what, _a(tuple, arguments)))
            elif name == "BUILD":
                state = stack.pop()
                _build(stack[-1], state)
            elif name == "BINPERSID":
                stack.append(self._persistent(stack.pop()))
            elif name == "POP":
                stack.pop()
            elif name == "POP_MARK":
                since_mark()
            else:
                raise ForbiddenError(f"the pickle uses {name}, which no checkpoint needs")
        raise TruncatedError("the pickle has no end")

    def _global(self, name: str) -> Global:
        if name in self.allowed:
            return self.allowed[name]
        if name.startswith(("dnnlib.tflib", "tensorflow")):
            raise TensorFlowError(
                f"found {name}: a TensorFlow StyleGAN file; expected one of the PyTorch "
                "version, so convert it first"
            )
        if name.startswith("numpy") and name.endswith(("._reconstruct", ".ndarray")):
            raise StyleGan3Error(
                f"found {name}: numpy arrays are in StyleGAN3 files, expected StyleGAN2; a "
                "pickle of plain arrays is read as codes or as a vector"
            )
        raise ForbiddenError(
            f"the file asks for {name[:200]!r}, which is not on the list of names that "
            "checkpoints need; nothing was run"
        )

    def _persistent(self, identity: Any) -> Storage:
        """Return the storage that a persistent id names."""
        if not self.by_id:
            raise ForbiddenError("the pickle refers to data outside itself")
        if not isinstance(identity, tuple) or len(identity) not in (5, 6):
            raise MalformedError("a storage is named by five or six values")
        tag, kind, key, place, count, *view = identity
        if tag != "storage" or not isinstance(kind, Global) or any(v is not None for v in view):
            raise MalformedError(f"expected a storage, found {str(tag)[:50]!r}")
        dtype = STORAGE_DTYPES.get(kind.name)
        if dtype is None or not isinstance(key, str) or not isinstance(place, str):
            raise MalformedError(f"expected a storage of numbers, found {kind.name}")
        if key in self.storages:
            known = self.storages[key]
            if (known.dtype, known.count) != (dtype, count):
                raise MalformedError(f"storage {key[:50]!r} is described in two ways")
            return known
        self.storages[key] = new_storage(dtype, count, self.budget)
        return self.storages[key]


def new_storage(dtype: str, count: Any, budget: Budget) -> Storage:
    """Return an empty storage of `count` numbers, counted against the limits."""
    if type(count) is not int or count < 0:
        raise MalformedError(f"a storage of {str(count)[:50]} numbers")
    budget.spend("storages")
    budget.spend("elements", count)
    return Storage(dtype, count)


def load_legacy(window: Window, allowed: Mapping[str, Global], budget: Budget) -> Any:
    """Return the object of torch's zip-less format: five pickles, then the storages.

    Raises:
        ImportRefusedError: as `Unpickler.load`; or storages missing, doubled or too short.
    """
    reader = Unpickler(allowed, budget, by_id=True)
    if reader.load(window) != MAGIC or reader.load(window) != LEGACY_PROTOCOL:
        raise MalformedError("not a torch file of the zip-less format, version 1001")
    machine = reader.load(window)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise MalformedError("expected a torch file of a little-endian machine")
    result = reader.load(window)
    keys = reader.load(window)
    if not isinstance(keys, list) or set(map(str, keys)) != set(reader.storages):
        raise MalformedError("the list of storages differs from those in use")
    for key in map(str, keys):
        storage = reader.storages[key]
        count = int.from_bytes(window.rest(8), "little")
        if storage.data is not None or count != storage.count:
            raise MalformedError(f"storage {key[:50]!r}: {count} numbers, not {storage.count}")
        storage.fill(window.rest(count * ITEM_BYTES[storage.dtype]))
    return result


def checkpoint_names(budget: Budget) -> dict[str, Global]:
    """Return the allow-list for generators: what stands for each global name."""

    def nested_storage(args: tuple[Any, ...]) -> Storage:
        (data,) = args
        if not isinstance(data, bytes | bytearray | memoryview):
            raise MalformedError("a storage is made of bytes")
        window = Window(memoryview(data))
        found = load_legacy(window, _STORAGE_NAMES, budget)
        if not isinstance(found, Storage) or window.at != len(data):
            raise MalformedError("expected exactly one storage in the nested file")
        return found

    calls: dict[str, Callable[[tuple[Any, ...]], Any]] = {
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent_record,
        "collections.OrderedDict": _dict,
        "dnnlib.util.EasyDict": _dict,
        "builtins.set": _set,
        # Protocol 2, which torch files use, spells sets and bytes like this.
        "__builtin__.set": _set,
        "_codecs.encode": _bytes,
        "torch._utils._rebuild_parameter": lambda args: _a(TensorView, args[0]),
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch.storage._load_from_bytes": nested_storage,
        "argparse.Namespace": lambda args: Record("argparse.Namespace"),
        "numpy.core.multiarray.scalar": _scalar,
        "numpy._core.multiarray.scalar": _scalar,
        "numpy.dtype": _dtype,
    }
    return {name: Global(name, call) for name, call in calls.items()} | _STORAGE_NAMES


def array_names(budget: Budget) -> dict[str, Global]:
    """Return the allow-list for codes: that of generators, and plain numpy arrays."""
    names = dict(checkpoint_names(budget))
    for core in ("numpy.core", "numpy._core"):
        for full, call in (
            (f"{core}.multiarray._reconstruct", lambda args: PlainArray()),
            # Protocol 5 says the same in one step.
            (f"{core}.numeric._frombuffer", lambda args: PlainArray(_array(*args))),
        ):
            names[full] = Global(full, call)
    names["numpy.ndarray"] = Global("numpy.ndarray")
    return names


def check_depth(root: Any, limit: int) -> None:
    """Refuse containers nested deeper than `limit`; later walks may then recurse.

    Raises:
        LimitError: deeper.
    """
    seen: set[int] = set()
    level = [root]
    for _ in range(limit + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, Record):
                value = value.state
            if isinstance(value, dict):
                children = list(value.values())
            elif isinstance(value, list | tuple):
                children = list(value)
            else:
                continue
            if id(value) not in seen:
                seen.add(id(value))
                below += children
        if not below:
            return
        level = below
    raise LimitError(f"expected at most {limit} levels of containers, found more")


# -- what stands for each name -------------------------------------------------------------

_STORAGE_NAMES = {name: Global(name) for name in STORAGE_DTYPES}
_PUSHES_ARGUMENT = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _a(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise MalformedError(f"expected a {kind.__name__}, found a {type(value).__name__}")
    return value


def _key(value: Any) -> Any:
    """Return a key of a dict or an item of a set; plain ones only, cheap to hash."""
    if value is not None and not isinstance(value, str | int | float | bytes):
        raise MalformedError(f"expected a plain key, found a {type(value).__name__}")
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise MalformedError("a number as key that takes more than 64 bits")
    return value


def _filled(target: dict[Any, Any], flat: list[Any]) -> dict[Any, Any]:
    if len(flat) % 2:
        raise MalformedError("a key without a value")
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        target[_key(key)] = value
    return target


def _stand_in(what: Any, args: tuple[Any, ...]) -> Any:
    if not isinstance(what, Global) or what.call is None:
        named = what.name if isinstance(what, Global) else f"a {type(what).__name__}"
        raise ForbiddenError(f"the pickle calls {named}, which is no function")
    return what.call(args)


def _build(target: Any, state: Any) -> None:
    """Give an inert object its state; attributes of dicts carry nothing we need."""
    if isinstance(target, Record):
        target.state = _a(dict, state)
    elif isinstance(target, PlainArray):
        target.values = _array_of(state)
    elif isinstance(target, DType):
        order = _a(tuple, state)[1]
        if order not in ("<", "|", "="):
            raise MalformedError(f"expected little-endian numbers, found order {order!r}")
    elif not isinstance(target, dict):
        raise ForbiddenError(f"the pickle sets attributes of a {type(target).__name__}")


def _set(args: tuple[Any, ...]) -> set[Any]:
    return {_key(item) for item in _a(list, args[0])} if args else set()


def _bytes(args: tuple[Any, ...]) -> bytes:
    text, encoding = args
    if encoding != "latin1":
        raise MalformedError(f"expected bytes spelled in latin1, found {encoding!r:.40}")
    return _a(str, text).encode("latin1")


def _dict(args: tuple[Any, ...]) -> dict[Any, Any]:
    if not args:
        return {}
    if isinstance(args[0], dict):
        return dict(args[0])
    return _filled({}, [value for pair in _a(list, args[0]) for value in pair])


def _persistent_record(args: tuple[Any, ...]) -> Record:
    meta = _a(dict, args[0])
    name, source = _a(str, meta.get("class_name")), _a(str, meta.get("module_src"))
    if meta.get("type") != "class":
        raise MalformedError(f"expected a network, found {str(meta.get('type'))[:50]!r}")
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    return Record(name, _a(dict, meta.get("state")), digest)


def _tensor(args: tuple[Any, ...]) -> TensorView:
    storage, offset, shape, strides = args[:4]
    _a(Storage, storage)
    shape, strides = _a(tuple, shape), _a(tuple, strides)
    numbers = (offset, *shape, *strides)
    if any(type(n) is not int or not 0 <= n < MAX_SIZE for n in numbers):
        raise MalformedError("sizes, strides and offset of a tensor are counts")
    if len(shape) != len(strides) or len(shape) > 8:
        raise MalformedError(f"{len(shape)} sizes and {len(strides)} strides")
    count = 1
    for size in shape:
        count *= size
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True) if n)
    # A view larger than its storage repeats it, which weights never do and bombs may.
    if count and (last >= storage.count or count > storage.count):
        raise MalformedError(
            f"a tensor of shape {shape} at {offset} in a storage of {storage.count} numbers"
        )
    return TensorView(storage, offset if count else 0, shape, strides)


def _dtype(args: tuple[Any, ...]) -> DType:
    code = _a(str, args[0])
    if code.startswith(("O", "|O", "object")):
        raise ObjectArrayError("an array of Python objects; expected plain numbers")
    if code.lstrip("<|=") not in ("f8", "f4", "i8"):
        raise MalformedError(f"expected numbers of type f8, f4 or i8, found {code[:20]!r}")
    return DType(code.lstrip("<|="))


def _scalar(args: tuple[Any, ...]) -> float:
    dtype, data = args
    if _a(DType, dtype).code != "f8" or len(data) != 8:
        raise MalformedError(f"expected a float64 of 8 bytes, found {dtype.code}")
    return float(np.frombuffer(data, "<f8")[0])


def _array_of(state: Any) -> np.ndarray:
    _, shape, dtype, is_fortran, data = _a(tuple, state)
    return _array(data, dtype, shape, "F" if is_fortran else "C")


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    code = _a(DType, dtype).code
    if order not in ("C", "F"):
        raise MalformedError(f"expected row or column order, found {order!r:.20}")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ObjectArrayError("an array of Python objects; expected plain numbers")
    flat = np.frombuffer(data, np.dtype(code).newbyteorder("<"))
    return flat.reshape(_a(tuple, shape), order=order)
