"""How much may pass through a socket? Plain objects without socket, clock or store.

`FrameGate` lets at most two unacknowledged frames of a stream out, the newest first and
never an old one after a newer one. `Budget` says when a browser sends too much. `Follower`
says whether an op is the next one, an old one, or proof that one was missed.
"""

from dataclasses import dataclass, field
from enum import Enum

CREDIT = 2
STUCK_SECONDS = 10.0

Place = tuple[int, int]  # epoch and seq of a frame: compared in this order


@dataclass(slots=True)
class FrameGate:
    """The frames of one stream to one browser."""

    sent: Place = (-1, -1)  # the newest that went out
    wanted: Place = (-1, -1)  # the newest that a hint told of
    in_flight: list[tuple[int, float]] = field(default_factory=list)  # seq, sent at

    def hint(self, place: Place) -> None:
        """Note that a frame lies in the stream's slot; only the newest matters."""
        self.wanted = max(self.wanted, place)

    @property
    def is_open(self) -> bool:
        """Whether there is something new and credit to send it."""
        return self.wanted > self.sent and len(self.in_flight) < CREDIT

    def send(self, place: Place, *, now: float) -> bool:
        """Return whether the frame at `place` may go out now, and count it if so."""
        if place <= self.sent or len(self.in_flight) >= CREDIT:
            return False
        self.sent = place
        self.wanted = max(self.wanted, place)
        self.in_flight.append((place[1], now))
        return True

    def acknowledge(self, seq: int) -> None:
        """Give back the credit of frame `seq` and of those sent before it.

        An acknowledgment of nothing that is in flight changes nothing.
        """
        for index, (sent, _) in enumerate(self.in_flight):
            if sent == seq:
                del self.in_flight[: index + 1]
                return

    def is_stuck(self, *, now: float) -> bool:
        """Return whether the browser has left a frame unacknowledged for too long."""
        return bool(self.in_flight) and now - self.in_flight[0][1] > STUCK_SECONDS


@dataclass(slots=True)
class Budget:
    """Messages and bytes that a browser may send: a rate, and a burst of some seconds."""

    messages_per_second: float = 300
    bytes_per_second: float = 512 * 1024
    burst_seconds: float = 3
    _messages: float = field(init=False)
    _bytes: float = field(init=False)
    _at: float | None = None

    def __post_init__(self) -> None:
        self._messages = self.messages_per_second * self.burst_seconds
        self._bytes = self.bytes_per_second * self.burst_seconds

    def spend(self, num_bytes: int, *, now: float) -> bool:
        """Return whether one message of this size fits the budget."""
        gone = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        burst = self.burst_seconds
        self._messages = min(
            self.messages_per_second * burst, self._messages + gone * self.messages_per_second
        )
        self._bytes = min(
            self.bytes_per_second * burst, self._bytes + gone * self.bytes_per_second
        )
        self._messages -= 1
        self._bytes -= num_bytes
        return self._messages >= 0 and self._bytes >= 0


class Step(Enum):
    """What an op is to a follower."""

    NEXT = "next"
    OLD = "old"
    GAP = "gap"


@dataclass(slots=True)
class Follower:
    """How far one browser has been told of the ops of a picture."""

    seq: int

    def judge(self, seq: int) -> Step:
        """Return what the op with `seq` is; telling the browser of it is a call of `told`."""
        if seq <= self.seq:
            return Step.OLD
        return Step.NEXT if seq == self.seq + 1 else Step.GAP

    def told(self, seq: int) -> None:
        """Note that the browser has been told of everything up to `seq`."""
        self.seq = max(self.seq, seq)
