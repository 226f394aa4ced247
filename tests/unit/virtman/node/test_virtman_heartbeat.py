# SPDX-License-Identifier: Apache-2.0
"""The pulse: volt hears of the node, the node of volt."""

from __future__ import annotations

import logging
import threading

import pytest
from fake_portals import PATIENCE
from fake_volt import FakeVolt

from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.exception import LayerError
from virtman.model import Assignment
from virtman.node.heartbeat import Heartbeat

DAY = 86400.0


class FakeNode:
    """Notes in ``done`` what a beat makes it do."""

    def __init__(self):
        self.done = []
        self.error = None
        self.beaten = threading.Semaphore(0)

    def reports(self):
        self.beaten.release()
        return ["a report"]

    def reassign(self, answer):
        self.done.append(answer)
        if self.error:
            raise self.error


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
def volt():
    return FakeVolt()


@pytest.fixture
def beat_schedule():
    return BeatSchedule(0.001)


@pytest.fixture
def pulse(node, volt, beat_schedule):
    made = Heartbeat(node, volt, beat_schedule)
    yield made
    made.stop()


def test_a_beat_says_what_is_served_and_applies_the_answer(pulse, node, volt):
    volt.parents = {"me:volume-a": Assignment("me:volume-a", ())}
    assert pulse.beat()
    assert volt.heard == [("beat", ["a report"])]
    assert node.done == [volt.parents]


def test_volt_says_when_to_beat_next(pulse, volt, beat_schedule):
    volt.beat_after = 17.0
    pulse.beat()
    assert beat_schedule.interval == 17.0


def test_nobody_who_does_not_say_changes_the_interval(pulse, beat_schedule):
    pulse.beat()
    assert beat_schedule.interval == 0.001


def test_an_interval_is_obeyed_though_the_parents_cannot_be_applied(
    pulse, node, volt, beat_schedule
):
    volt.beat_after = 17.0
    node.error = LayerError("no")
    with pytest.raises(LayerError):
        pulse.beat()
    assert beat_schedule.interval == 17.0


def test_a_volt_that_is_away_changes_nothing(pulse, node, volt):
    volt.go_away()
    assert not pulse.beat()
    assert node.done == []


def test_that_volt_is_away_and_back_is_said_once_each(pulse, volt, caplog):
    caplog.set_level(logging.INFO)
    volt.go_away()
    for _ in range(3):
        pulse.beat()
    assert caplog.text.count("master:7447") == 1
    volt.error = None
    for _ in range(3):
        pulse.beat()
    assert caplog.text.count("volt answers again") == 1
    volt.go_away()
    pulse.beat()
    assert caplog.text.count("master:7447") == 2


@pytest.mark.parametrize("where", ["node", "volt"])
def test_the_thread_beats_on_after_a_fault_until_it_is_stopped(
    pulse, node, volt, where
):
    {"node": node, "volt": volt}[where].error = KeyError("a fault")
    pulse.start()
    for _ in range(3):
        assert node.beaten.acquire(timeout=PATIENCE)
    pulse.stop()
    assert not pulse.is_alive()


def test_news_are_told_long_before_the_next_beat_is_due(node, volt):
    beat_schedule = BeatSchedule(DAY)
    beat_schedule._due += DAY
    pulse = Heartbeat(node, volt, beat_schedule)
    pulse.start()
    beat_schedule.expedite()
    assert node.beaten.acquire(timeout=PATIENCE)
    pulse.stop()
    assert volt.verbs() == ["beat"]


def test_a_pulse_that_was_stopped_before_it_began_beats_never(pulse, volt):
    pulse.stop()
    pulse.start()
    pulse.join(PATIENCE)
    assert not pulse.is_alive()
    assert volt.verbs() == []
