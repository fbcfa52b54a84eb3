"""Credit, budget and order: the plain objects behind a socket."""

import random

from webapp.rooms.flow import CREDIT, Budget, Follower, FrameGate, Step


def test_two_frames_go_out_and_the_third_waits_for_an_acknowledgment():
    gate = FrameGate()

    assert gate.send((1, 1), now=0)
    assert gate.send((1, 2), now=0)
    assert not gate.send((1, 3), now=0)
    gate.acknowledge(1)

    assert gate.send((1, 3), now=0)


def test_of_many_hints_without_credit_only_the_newest_is_wanted():
    gate = FrameGate()
    gate.send((1, 1), now=0)
    gate.send((1, 2), now=0)

    for seq in range(3, 90):
        gate.hint((1, seq))
    assert not gate.is_open
    gate.acknowledge(2)

    assert gate.is_open
    assert gate.send((1, 89), now=0)
    assert not gate.is_open


def test_an_older_frame_never_follows_a_newer_one():
    gate = FrameGate()
    gate.send((2, 5), now=0)

    assert not gate.send((2, 5), now=0)
    assert not gate.send((2, 4), now=0)
    assert not gate.send((1, 9), now=0)
    assert gate.send((3, 1), now=0)


def test_an_acknowledgment_of_nothing_gives_no_credit():
    gate = FrameGate()
    gate.send((1, 1), now=0)
    gate.send((1, 2), now=0)

    gate.acknowledge(77)

    assert not gate.send((1, 3), now=0)


def test_an_acknowledgment_covers_what_was_sent_before():
    gate = FrameGate()
    gate.send((1, 1), now=0)
    gate.send((1, 2), now=9)

    gate.acknowledge(2)

    assert gate.in_flight == []


def test_a_frame_is_stuck_after_ten_seconds_without_acknowledgment():
    gate = FrameGate()
    gate.send((1, 1), now=100)

    assert not gate.is_stuck(now=110)
    assert gate.is_stuck(now=110.1)
    gate.acknowledge(1)
    assert not gate.is_stuck(now=999)


def test_whatever_happens_frames_rise_and_credit_holds():
    for seed in range(50):
        rng = random.Random(seed)
        gate, shown, newest = FrameGate(), [(0, 0)], (1, 0)
        for _ in range(200):
            if rng.random() < 0.6:
                newest = (newest[0] + (rng.random() < 0.05), newest[1] + 1)
                gate.hint(max((0, 0), (newest[0], newest[1] - rng.randrange(3))))
            elif gate.in_flight:
                gate.acknowledge(rng.choice(gate.in_flight)[0])
            if gate.is_open and gate.send(newest, now=0):
                shown.append(newest)
            assert len(gate.in_flight) <= CREDIT
        assert shown == sorted(set(shown))
        while gate.in_flight:
            gate.acknowledge(gate.in_flight[0][0])
        gate.hint(newest)
        assert shown[-1] == newest or gate.is_open, "the newest frame is never lost"


def test_a_burst_passes_and_a_flood_does_not():
    budget = Budget(messages_per_second=10, bytes_per_second=1000, burst_seconds=3)

    assert all(budget.spend(10, now=0) for _ in range(30))
    assert not budget.spend(10, now=0)


def test_bytes_are_counted_too():
    budget = Budget(messages_per_second=10, bytes_per_second=1000, burst_seconds=3)

    assert budget.spend(3000, now=0)
    assert not budget.spend(1, now=0)


def test_what_was_spent_comes_back_with_time_but_never_more_than_a_burst():
    budget = Budget(messages_per_second=10, bytes_per_second=1e9, burst_seconds=1)
    for _ in range(10):
        budget.spend(1, now=0)

    assert budget.spend(1, now=0.11)
    assert not budget.spend(1, now=0.11)
    assert sum(budget.spend(1, now=1000) for _ in range(50)) == 10


def test_a_follower_knows_the_next_an_old_and_a_missing_op():
    follower = Follower(seq=4)

    assert follower.judge(5) is Step.NEXT
    follower.told(5)

    assert follower.judge(5) is Step.OLD
    assert follower.judge(7) is Step.GAP
