"""Runs the whole platform on this machine until it is told to stop.

`python -m deploy.local`, usually through `make run`. Ctrl-C or SIGTERM stops everything it
started and nothing else; starting again keeps all data.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType

from deploy.local.settings import LocalError, read_settings
from deploy.local.stack import Platform

ACCOUNTS = (("mara@example.com", "owner"), ("jonas@example.com", "member"))
PASSWORD = "atelier"  # noqa: S105 - of the demo accounts, printed on purpose


class Stopped(BaseException):
    """A signal asked us to stop."""


def say(text: str) -> None:
    print(text, flush=True)


def welcome(url: str, log_dir: str) -> str:
    """Return what is printed when people can sign in."""
    lines = [f"Atelier is ready at {url}", ""]
    lines += [f"  {email}  password {PASSWORD}  ({role})" for email, role in ACCOUNTS]
    lines += ["", f"Logs are in {log_dir}. Ctrl-C stops everything."]
    return "\n".join(lines)


def main() -> int:
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            return  # already stopping; a second Ctrl-C must not leave anything behind
        stop.set()
        raise Stopped

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)

    platform: Platform | None = None
    started = time.monotonic()
    try:
        platform = Platform(read_settings(os.environ), say=say)
        say("Starting Atelier ...")
        platform.start()
        say(welcome(platform.settings.url, str(platform.log_dir)))
        say(f"(started in {time.monotonic() - started:.1f} s)")
        while not stop.wait(1.0):
            platform.mend()
    except LocalError as error:
        say(f"atelier: {error}")
        return 1
    except Stopped:
        say("\nStopping ...")
        return 0
    finally:
        stop.set()
        if platform is not None:
            platform.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
