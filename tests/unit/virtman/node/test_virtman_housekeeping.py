# SPDX-License-Identifier: Apache-2.0
"""Chores are done again and again, and none keeps another from being done."""

from __future__ import annotations

import threading

import pytest
from fake_portals import PATIENCE

from virtman.exception import LayerError
from virtman.node.housekeeping import Housekeeping


@pytest.mark.parametrize("error", [LayerError("no"), KeyError("a fault")])
def test_a_chore_that_fails_keeps_no_other_from_being_done(error, caplog):
    done = []

    def stumble():
        raise error

    Housekeeping([stumble, lambda: done.append(1), stumble], 1.0).work()
    assert done == [1]
    assert str(error) in caplog.text


def test_the_thread_goes_on_until_it_is_stopped():
    rounds = threading.Semaphore(0)
    made = Housekeeping([rounds.release], 0.001)
    made.start()
    for _ in range(3):
        assert rounds.acquire(timeout=PATIENCE)
    made.stop()
    assert not made.is_alive()


def test_a_thread_that_was_stopped_before_it_began_does_no_chore():
    done = []
    made = Housekeeping([lambda: done.append(1)], 0.001)
    made.stop()
    made.start()
    made.join(PATIENCE)
    assert not made.is_alive()
    assert done == []
