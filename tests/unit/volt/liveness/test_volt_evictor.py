# SPDX-License-Identifier: Apache-2.0
"""When the evictor may evict."""

import threading

import pytest

from volt.exception import Unavailable
from volt.liveness.evictor import EvictionGate, Evictor


class Clocks:
    """A monotonic and a wall clock, and what was done when."""

    def __init__(self):
        self.steady, self.wall = 100.0, 1_000_000.0
        self.sweeps = []
        self.away = False
        self.resets = 0

    def __call__(self):
        return self.steady, self.wall

    def sweep(self):
        self.ask()
        self.sweeps.append(self.steady)
        return 0

    def ask(self):
        if self.away:
            raise Unavailable("away")

    def reset(self):
        self.resets += 1


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def gate(clocks):
    return EvictionGate(
        clocks.sweep, clocks.ask, clocks.reset, 5.0, lambda: 15.0, clocks
    )


def pass_time(clocks, gate, turns, steady=5.0, wall=None):
    for _ in range(turns):
        clocks.steady += steady
        clocks.wall += steady if wall is None else wall
        gate.turn()


def test_it_listens_for_one_limit_before_the_first_sweep(clocks, gate):
    pass_time(clocks, gate, 5)
    assert clocks.sweeps == [115.0, 120.0, 125.0]


def test_after_it_was_held_up_it_listens_again(clocks, gate):
    pass_time(clocks, gate, 4)
    pass_time(clocks, gate, 1, steady=60.0)
    pass_time(clocks, gate, 3)
    assert clocks.sweeps == [115.0, 120.0, 195.0]


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_after_the_clock_was_set_it_listens_again(clocks, gate, step):
    pass_time(clocks, gate, 4)
    pass_time(clocks, gate, 1, wall=5.0 + step)
    pass_time(clocks, gate, 3)
    assert clocks.sweeps == [115.0, 120.0, 140.0]
    assert clocks.resets == 1


def away(clocks, gate, turns):
    clocks.away = True
    for _ in range(turns):
        with pytest.raises(Unavailable):
            pass_time(clocks, gate, 1)
    clocks.away = False


def test_after_the_registry_was_away_it_listens_again(clocks, gate):
    pass_time(clocks, gate, 3)
    away(clocks, gate, 1)
    pass_time(clocks, gate, 3)
    assert clocks.sweeps == [115.0, 135.0]


def test_while_the_registry_is_away_it_does_not_listen(clocks, gate):
    away(clocks, gate, 10)
    pass_time(clocks, gate, 4)
    assert clocks.sweeps == [165.0, 170.0]


def test_a_failed_turn_does_not_end_the_thread(caplog):
    done = threading.Event()
    turns = []

    class Failing:
        def turn(self):
            turns.append(1)
            if len(turns) == 1:
                raise RuntimeError("once")
            done.set()

    evictor = Evictor(Failing(), interval=0.01)
    evictor.start()
    assert done.wait(10)
    evictor.stop()
    evictor.join(10)
    assert not evictor.is_alive()
    assert "it goes on" in caplog.text


def test_after_beats_were_refused_it_listens_again(clocks):
    """Whoever was not let in, because keystone was away, was not silent."""
    refused = [False, False, True, False, False, False, False]
    deaf = EvictionGate(
        clocks.sweep,
        clocks.ask,
        clocks.reset,
        5.0,
        lambda: 15.0,
        clocks,
        was_deaf=lambda: refused.pop(0),
    )
    pass_time(clocks, deaf, 7)
    assert clocks.sweeps == [130.0, 135.0]
