"""Ids that sort by time."""

import time

from webapp.common.ids import uuid7


def test_ids_are_version_7_and_sort_by_the_millisecond_they_were_made_in() -> None:
    first = uuid7()
    time.sleep(0.002)
    second = uuid7()

    assert (first.version, first.variant) == (7, "specified in RFC 4122")
    assert first < second
    assert abs((first.int >> 80) / 1000 - time.time()) < 5
