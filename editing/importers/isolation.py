"""What may the reading process do? Only compute, on what it has already opened.

Limits on memory, computing time, open files and processes hold wherever the platform has
them. On Linux (x86-64) a seccomp filter also lets nothing through but a handful of system
calls: no sockets, no programs, no files beyond those already open. `isolate` says what was
put in place, so that a report can be honest about it.
"""

import ctypes
import platform
import resource
import struct
import sys

from editing.importers.limits import Limits

# x86-64: reading and writing what is open, memory, time, signals, threads' locks, the end.
_ALLOWED = (
    *(0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 24, 25, 28, 35, 39, 60, 63),
    *(72, 96, 97, 98, 99, 131, 186, 201, 202, 204, 228, 230, 231, 234, 262, 318, 324),
)
_ARCHITECTURE = 0xC000003E
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def isolate(limits: Limits, file_bytes: int) -> list[str]:
    """Take away from this process what reading does not need; return it in words.

    It cannot be undone. Everything needed must be imported and opened before.
    """
    done = []
    for name, value, words in (
        ("RLIMIT_AS", limits.memory_bytes + file_bytes, "memory"),
        ("RLIMIT_CPU", limits.cpu_seconds, "computing time"),
        ("RLIMIT_FSIZE", limits.elements * 4 + (1 << 20), "file size"),
        ("RLIMIT_CORE", 0, "core dumps"),
        ("RLIMIT_NPROC", 0, "processes"),
    ):
        try:
            which = getattr(resource, name)
            # The soft limit names the reason, the hard one ends it a little later.
            hard = value + 2 if name == "RLIMIT_CPU" else value
            resource.setrlimit(which, (value, hard))
            done.append(words)
        except (AttributeError, ValueError, OSError):
            continue
    if _filter_system_calls():
        done.append("system calls (no network, no programs, no other files)")
    return done


def _filter_system_calls() -> bool:
    """Return whether the kernel now refuses all but a few system calls."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    program = [
        struct.pack("<HBBI", _LOAD, 0, 0, 4),
        struct.pack("<HBBI", _JUMP_EQUAL, 1, 0, _ARCHITECTURE),
        struct.pack("<HBBI", _RETURN, 0, 0, _REFUSE),
        struct.pack("<HBBI", _LOAD, 0, 0, 0),
    ]
    for left, number in zip(range(len(_ALLOWED), 0, -1), _ALLOWED, strict=True):
        program.append(struct.pack("<HBBI", _JUMP_EQUAL, left, 0, number))
    program.append(struct.pack("<HBBI", _RETURN, 0, 0, _REFUSE))
    program.append(struct.pack("<HBBI", _RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(program))
    descriptor = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    nothing = ctypes.c_ulong(0)
    one = ctypes.c_ulong(1)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, one, nothing, nothing, nothing) != 0:
        return False
    mode = ctypes.c_ulong(_MODE_FILTER)
    return bool(libc.prctl(_PR_SET_SECCOMP, mode, descriptor, nothing, nothing) == 0)
