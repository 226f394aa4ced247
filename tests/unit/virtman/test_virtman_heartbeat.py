# SPDX-License-Identifier: Apache-2.0
"""The pulse: volt hears of the node, the node of volt, and idle images go."""

from __future__ import annotations

import logging
import threading

import pytest
from fake_portals import PATIENCE
from fake_volt import FakeVolt

from virtman.drivers.volt import Assignment
from virtman.exception import LayerError
from virtman.heartbeat import Heartbeat


class FakeNode:
    """Notes in ``done`` what the beat asks of a node."""

    def __init__(self):
        self.done = []
        self.error = None
        self.collected = threading.Semaphore(0)

    def seats(self):
        return ["a seat"]

    def reassign(self, answer):
        self.done.append(("reassign", answer))
        if self.error:
            raise self.error

    def collect(self):
        self.done.append(("collect", None))
        self.collected.release()


class FakeImages:
    """Counts how often it was asked to publish again."""

    def __init__(self):
        self.republished = 0
        self.error = None

    def republish(self):
        self.republished += 1
        if self.error:
            raise self.error


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
def images():
    return FakeImages()


@pytest.fixture
def volt():
    return FakeVolt()


@pytest.fixture
def pulse(node, images, volt):
    return Heartbeat(node, images, volt, 0.001)


def test_a_beat_says_what_is_served_and_applies_the_answer(
    pulse, node, images, volt
):
    volt.parents = {"me:volume-a": Assignment("me:volume-a", ())}
    pulse.beat()
    assert volt.heard == [("beat", ["a seat"])]
    assert node.done == [("reassign", volt.parents), ("collect", None)]
    assert images.republished == 1


def test_idle_images_go_though_volt_is_away(pulse, node, volt):
    volt.go_away()
    pulse.beat()
    assert node.done == [("collect", None)]


def test_that_volt_is_away_and_back_is_said_once_each(
    pulse, node, volt, caplog
):
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


@pytest.mark.parametrize("where", ["reassign", "republish", "beat"])
@pytest.mark.parametrize("error", [LayerError("no"), KeyError("a fault")])
def test_nothing_that_goes_wrong_keeps_idle_images_from_going(
    pulse, node, images, volt, where, error
):
    owner = {"reassign": node, "republish": images, "beat": volt}[where]
    owner.error = error
    pulse.beat()
    assert ("collect", None) in node.done


def test_what_cannot_be_published_does_not_keep_new_parents_away(
    pulse, node, images
):
    images.error = LayerError("tgtd does not answer")
    pulse.beat()
    assert node.done[0][0] == "reassign"


def test_parents_that_cannot_be_applied_do_not_keep_images_unpublished(
    pulse, node, images
):
    node.error = LayerError("no")
    pulse.beat()
    assert images.republished == 1


def test_the_thread_beats_on_after_a_fault_until_it_is_stopped(
    pulse, node, volt
):
    volt.error = KeyError("a fault")
    pulse.start()
    for _ in range(3):
        assert node.collected.acquire(timeout=PATIENCE)
    pulse.stop()
    assert not pulse.is_alive()


def test_a_pulse_that_never_began_can_be_stopped(pulse):
    pulse.stop()
