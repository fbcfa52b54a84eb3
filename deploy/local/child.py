"""Becomes the command in its arguments, which then ends when its parent does.

Run as a plain script, before any import that takes time. Linux sends the signal; elsewhere
the command outlives a supervisor that was killed, and the next start says so.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    command = sys.argv[1:]
    os.execvp(command[0], command)  # noqa: S606 - the command is our own


main()
