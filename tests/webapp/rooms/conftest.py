"""What the tests of rooms share: a picture, and who may open it."""

import pytest

from tests.factories import rows


@pytest.fixture
def image(who):
    """A ready picture of the team: epoch 1, one revision."""
    return rows.sample(who)


@pytest.fixture
def sessions(who):
    """The session of each of the three people."""
    found = {}
    for role in ("owner", "teammate", "stranger"):
        found[role] = rows.client(getattr(who, role)).cookies["sessionid"].value
    return found
