# SPDX-License-Identifier: Apache-2.0
"""Reads wait while no source lives, up to a limit, and then wait again."""

from __future__ import annotations

import threading
import time

import pytest
from fake_node import Site
from fake_paths import Device, Image, started
from fake_portals import PATIENCE, Portals, source

from virtman.exception import CommandError
from virtman.paths import no_path_policy, reconciler

LIMIT = 30.0
NAME = "multipath_volume-a"


class Clock:
    """What the module takes for the time."""

    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(no_path_policy, "time", made)
    return made


@pytest.fixture
def portals():
    return Portals("parent")


@pytest.fixture
def device(portals):
    return Device(portals)


@pytest.fixture
def start(portals, device, short_pauses, clock):
    """Start the thread of one image with a limit."""
    with started(portals, device, Image(portals)) as begin:

        def with_limit(*hosts, limit=LIMIT):
            made = begin(*hosts, no_source_timeout=limit)
            portals.wait("apply", "parent")
            made.look()
            return made

        yield with_limit


def deeds(portals):
    return [did for did, whom in portals.log if whom == "device"]


def later(clock, live, seconds, deep=False):
    clock.now += seconds
    live.look(deep)


def test_reads_fail_after_the_limit_and_not_before(
    start, portals, clock, caplog
):
    live = start("parent")
    portals.down.add("parent")
    later(clock, live, 0)
    later(clock, live, LIMIT - 0.1)
    assert deeds(portals) == []
    later(clock, live, 0.2)
    assert deeds(portals) == ["give up"]
    (said,) = [r.message for r in caplog.records if r.levelname == "ERROR"]
    for word in ("volume-a", "parent:3260", "30 s", "no_source_timeout"):
        assert word in said
    later(clock, live, LIMIT)
    assert caplog.text.count("has lived for") == 1


def test_a_source_that_is_back_lets_reads_wait_again(
    start, portals, clock, caplog
):
    live = start("parent")
    portals.down.add("parent")
    later(clock, live, 0)
    later(clock, live, LIMIT)
    portals.down.clear()
    live.look()
    portals.wait("take back", "parent")
    later(clock, live, 0)
    assert deeds(portals) == ["give up", "wait"]
    assert "a source lives again" in caplog.text
    portals.down.add("parent")
    later(clock, live, 0)
    later(clock, live, LIMIT - 0.1)
    assert deeds(portals) == ["give up", "wait"], "the limit begins anew"
    later(clock, live, 0.2)
    assert deeds(portals) == ["give up", "wait", "give up"]


def test_another_source_that_lives_is_enough(start, portals, clock):
    portals.serving.add("server")
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    later(clock, live, 0)
    later(clock, live, LIMIT)
    assert deeds(portals) == []


def test_without_a_limit_reads_wait_for_ever(start, portals, clock):
    live = start("parent", limit=0.0)
    portals.down.add("parent")
    later(clock, live, 0)
    later(clock, live, 1e9)
    assert deeds(portals) == []


def test_a_limit_that_was_taken_away_lets_reads_wait_again(
    portals, device, start, clock
):
    device.waits = False
    portals.down.add("parent")
    live = start("parent", limit=0.0)
    later(clock, live, 0)
    assert deeds(portals) == ["wait"]


def test_a_device_that_others_have_wait_is_told_again(
    start, portals, device, clock
):
    live = start("parent")
    portals.down.add("parent")
    later(clock, live, 0)
    later(clock, live, LIMIT)
    device.waits = True
    later(clock, live, 0)
    assert not deeds(portals)[1:], "it is not asked twice a second"
    later(clock, live, 0, deep=True)
    assert deeds(portals) == ["give up"] * 2


def test_a_device_that_was_not_told_is_told_at_the_next_look(
    start, portals, device, clock, monkeypatch
):
    live = start("parent")
    portals.down.add("parent")
    later(clock, live, 0)

    def busy():
        raise CommandError(["dmsetup", "message"], 1, "", "busy")

    with monkeypatch.context() as now:
        now.setattr(device, "give_up", busy)
        with pytest.raises(CommandError):
            later(clock, live, LIMIT)
    later(clock, live, 0)
    assert deeds(portals) == ["give up"]


def test_nothing_is_told_to_a_device_that_is_not_there_yet(portals, clock):
    made = reconciler.Paths(
        "volume-a", portals, Image(portals), lambda: None, live=1,
        standby_wait=0.0, no_source_timeout=LIMIT,
    )  # fmt: skip
    made.want((source("parent"),))
    later(clock, made, 0)
    later(clock, made, 2 * LIMIT)
    assert deeds(portals) == []


@pytest.fixture
def site(kernel, settings, short_pauses, clock):
    made = Site(kernel, settings(no_source_timeout=LIMIT))
    yield made
    made.close()


def away(site, clock):
    """Let the only source be away for longer than the limit."""
    site.portals.down.add("server")
    site.node.look(())
    clock.now += LIMIT
    site.node.look(())


def waits(site):
    return "queue_if_no_path" in site.kernel.dm.devices[NAME].table


def test_the_live_device_is_told_and_keeps_its_paths(site, clock):
    site.create()
    assert waits(site)
    away(site, clock)
    assert not waits(site)
    assert "8:0" in site.kernel.dm.devices[NAME].table


def test_the_next_agent_leaves_failing_what_failed(site, clock):
    """Its own limit has not passed, but that of the reads has."""
    site.create()
    away(site, clock)
    site.recover()
    site.node.look(())
    assert not waits(site)
    clock.now += LIMIT
    site.node.look(())
    assert not waits(site)
    site.portals.down.clear()
    site.node.look(())
    site.portals.wait("ask", "server")
    site.node.look(())
    until(site, lambda: waits(site))


def until(site, condition):
    """Look until it is so: the image's thread has to have its turn."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.002)
        site.node.look(())
