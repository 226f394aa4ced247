# SPDX-License-Identifier: Apache-2.0
"""What volt keeps of keystone's answers, and when it asks again."""

import pytest

from volt.auth.memory import Backoff, Memory
from volt.exception import Unavailable


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def backoff(clock):
    return Backoff(clock)


def waits(backoff):
    """Return how long callers are told to wait; None is not at all."""
    try:
        backoff.check()
    except Unavailable as refusal:
        (header,) = refusal.headers
        assert header[0] == "Retry-After"
        return int(header[1])
    return None


def test_an_answer_is_kept_for_its_time(clock, backoff):
    memory = Memory(300, backoff, clock)
    assert memory.get("tokens/a") is None
    memory.set("tokens/a", b"{}", time=300)
    clock.now += 299
    assert memory.get("tokens/a") == b"{}"
    clock.now += 1
    assert memory.get("tokens/a") is None


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_is_not_at_all(clock, backoff, seconds):
    memory = Memory(seconds, backoff, clock)
    memory.set("tokens/a", b"{}")
    assert memory.get("tokens/a") is None


def test_who_was_away_is_left_alone_longer_each_time(clock, backoff):
    told = []
    for _ in range(6):
        assert waits(backoff) is None
        backoff.lost()
        told.append(waits(backoff))
        clock.now += told[-1]
    assert told == [2, 4, 8, 16, 30, 30]


def test_who_answered_is_asked_at_once(clock, backoff):
    memory = Memory(300, backoff, clock)
    backoff.lost()
    backoff.lost()
    memory.set("tokens/a", b"{}")
    assert waits(backoff) is None
    backoff.lost()
    assert waits(backoff) == 2


def test_what_is_known_is_told_while_keystone_is_away(clock, backoff):
    memory = Memory(300, backoff, clock)
    memory.set("tokens/a", b"{}")
    backoff.lost()
    assert memory.get("tokens/a") == b"{}"
    with pytest.raises(Unavailable, match="keystone"):
        memory.get("tokens/b")


def test_a_refusal_is_remembered_until_it_is_asked_for(backoff):
    assert not backoff.refused()
    backoff.lost()
    waits(backoff)
    assert backoff.refused()
    assert not backoff.refused()
