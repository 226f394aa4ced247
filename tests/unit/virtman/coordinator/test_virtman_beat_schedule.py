# SPDX-License-Identifier: Apache-2.0
"""When a beat is due: volt's word, jitter, and news that cannot wait."""

from __future__ import annotations

import itertools
import threading

import pytest
from fake_portals import PATIENCE

from virtman.coordinator import beat_schedule
from virtman.coordinator.beat_schedule import BeatSchedule

DAY = 86400.0


class Clock:
    """What the module takes for the time, and for chance."""

    def __init__(self):
        self.now = 1000.0
        self.part = 0.5

    def monotonic(self):
        return self.now

    def random(self):
        return self.part

    def uniform(self, low, high):
        return low + (high - low) * self.part


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(beat_schedule, "time", made)
    monkeypatch.setattr(beat_schedule, "random", made)
    return made


def left(made, clock):
    """Return the seconds until the next beat is due."""
    return max(round(made._next() - clock.now, 6), 0)


@pytest.mark.parametrize(("part", "first"), [(0.0, 0.0), (0.5, 2.5)])
def test_the_first_beat_comes_at_any_moment_of_the_first_interval(
    clock, part, first
):
    clock.part = part
    assert left(BeatSchedule(5.0), clock) == first


@pytest.mark.parametrize(
    ("part", "next_"), [(0.0, 4.5), (0.5, 5.0), (1.0, 5.5)]
)
def test_the_configured_interval_holds_until_volt_says_otherwise(
    clock, part, next_
):
    made = BeatSchedule(5.0)
    clock.part = part
    made.reckon_from(True)
    made.set_interval(None)
    assert left(made, clock) == next_


@pytest.mark.parametrize("seconds", [0.5, 2.0, 5.0, 60.0])
def test_volts_word_holds_be_it_longer_or_shorter(clock, seconds):
    made = BeatSchedule(5.0)
    made.set_interval(seconds)
    made.reckon_from(True)
    assert left(made, clock) == seconds
    assert made.interval == seconds


def test_volts_word_holds_while_volt_is_away(clock):
    made = BeatSchedule(5.0)
    made.set_interval(60.0)
    for _ in range(5):
        made.reckon_from(False)
    assert left(made, clock) == 60.0


@pytest.mark.parametrize(
    ("said", "taken"), [(0.0, beat_schedule.LEAST), (1e12, beat_schedule.MOST)]
)
def test_a_senseless_interval_is_bounded(clock, said, taken):
    made = BeatSchedule(5.0)
    made.set_interval(said)
    assert made.interval == taken


def test_a_shorter_interval_holds_for_the_beat_that_is_due_next(clock):
    made = BeatSchedule(DAY)
    made.set_interval(2.0)
    assert left(made, clock) == 2.0


def test_a_longer_interval_does_not_put_off_the_beat_that_is_due_next(clock):
    made = BeatSchedule(5.0)
    made.set_interval(DAY)
    assert left(made, clock) == 2.5


def test_news_are_told_at_once(clock):
    made = BeatSchedule(DAY)
    made.expedite()
    assert left(made, clock) == 0
    assert made.wait()


def test_news_right_after_a_beat_wait_a_moment(clock):
    made = BeatSchedule(DAY)
    made.reckon_from(True)
    made.expedite()
    assert 0 < left(made, clock) < 1


def test_news_that_come_during_a_beat_are_told_by_the_next(clock):
    made = BeatSchedule(DAY)
    made.expedite()
    assert made.wait()
    made.expedite()
    made.reckon_from(True)
    assert 0 < left(made, clock) < 1


def test_news_that_were_heard_are_not_told_again(clock):
    made = BeatSchedule(DAY)
    made.expedite()
    made.wait()
    made.reckon_from(True)
    assert left(made, clock) == DAY


def test_news_that_nobody_heard_are_told_again_soon_and_then_later(clock):
    made = BeatSchedule(60.0)
    made.expedite()
    waits = []
    for _ in range(8):
        clock.now += left(made, clock)
        made.wait()
        made.reckon_from(False)
        waits.append(left(made, clock))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    clock.now += 60
    made.wait()
    made.reckon_from(True)
    assert left(made, clock) == 60
    made.expedite()
    clock.now += 1
    made.wait()
    made.reckon_from(False)
    assert left(made, clock) == 1


def test_a_thousand_agents_that_start_together_do_not_beat_together():
    due = sorted(BeatSchedule(10.0)._due for _ in range(1000))
    assert due[-1] - due[0] > 8
    gaps = [b - a for a, b in itertools.pairwise(due)]
    assert max(gaps) < 1


@pytest.mark.parametrize("what", ["news", "end", "told"])
def test_who_waits_is_woken(what):
    made = BeatSchedule(DAY)
    made._due += DAY
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(made.wait()))
    waiter.start()
    {
        "news": made.expedite, "end": made.end,
        "told": lambda: made.set_interval(beat_schedule.LEAST),
    }[what]()  # fmt: skip
    waiter.join(PATIENCE)
    assert answers == [what != "end"]
