# SPDX-License-Identifier: Apache-2.0
"""The live paths follow the wanted sources, and never leave a reader."""

from __future__ import annotations

import pytest
from fake_paths import Device, Image, started
from fake_portals import PATIENCE, Portals, source

from virtman.exception import LayerError, NoSource
from virtman.paths import failures, reconciler, rounds

NEVER = 3600.0


class Clock:
    """What the module takes for the time."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(reconciler, "_RETRY_FIRST", 0.001)
    monkeypatch.setattr(rounds, "_RETRY_MOST", 0.005)
    monkeypatch.setattr(rounds, "_ASK_MOST", 0.005)
    monkeypatch.setattr(failures, "_ASK_FIRST", 0.001)


@pytest.fixture
def portals():
    return Portals("parent", "server")


@pytest.fixture
def device(portals):
    return Device(portals)


@pytest.fixture
def image(portals):
    return Image(portals)


@pytest.fixture
def strangers(image):
    """Hosts that serve something else under the same name."""
    return image.strangers


@pytest.fixture
def start(portals, device, image):
    """Start the thread of one image; it is stopped after the test."""
    with started(portals, device, image) as begin:
        yield begin


def hosts(*names):
    return [source(name) for name in names]


def test_the_best_source_comes_first_and_the_next_behind_it(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    assert portals.done("login") == ["parent", "server"]
    live.stop()
    assert portals.done("apply") == ["parent", "parent server"]
    assert live.portals == ["parent:3260", "server:3260"]


def test_a_source_that_is_named_twice_is_logged_in_once(start, portals):
    start("parent", "server", "parent")
    portals.wait("apply", "parent server")
    assert portals.done("login") == ["parent", "server"]


def test_no_more_sources_are_used_than_asked_for(start, portals, device):
    live = start("parent", "server", live=1)
    portals.wait("apply", "parent")
    live.stand_under(device)
    portals.wait("apply", "parent", times=2)
    assert "server" not in portals.done("ask")


def test_the_standby_waits_for_a_parent_that_is_on_its_way(start, portals):
    portals.serving.remove("parent")
    start("parent", "server", standby_wait=NEVER)
    portals.wait("ask", "parent", times=3)
    assert portals.done("login") == []
    portals.serving.add("parent")
    portals.wait("apply", "parent server")
    assert portals.done("login") == ["parent", "server"]


def test_the_standby_steps_in_when_the_wait_is_over(
    start, portals, monkeypatch
):
    clock = Clock()
    for module in (reconciler, rounds, failures):
        monkeypatch.setattr(module, "time", clock)
    portals.serving.remove("parent")
    start("parent", "server", standby_wait=5.0)
    portals.wait("ask", "parent", times=2)
    assert portals.done("ask").count("server") == 0
    clock.now = 5.0
    portals.wait("apply", "server")


def test_a_parent_that_comes_late_takes_the_first_place(start, portals):
    portals.serving.remove("parent")
    start("parent", "server")
    portals.wait("apply", "server")
    portals.serving.add("parent")
    portals.wait("apply", "parent server")
    assert portals.done("logout") == []


def test_a_third_source_stands_in_until_a_better_one_is_there(start, portals):
    portals.serving = {"parent", "third"}
    start("parent", "server", "third")
    portals.wait("apply", "parent third")
    portals.serving.add("server")
    portals.wait("logout", "third")
    assert portals.done("apply")[-1] == "parent server"


def test_a_disk_that_is_another_image_is_given_back_and_never_read(
    start, portals, strangers
):
    strangers.add("parent")
    live = start("parent", "server")
    portals.wait("apply", "server")
    portals.wait("logout", "parent")
    assert live.wait_first(PATIENCE).source.host == "server"
    assert not any("parent" in said for said in portals.done("apply"))


def test_a_disk_that_is_another_image_is_tried_again_but_said_once(
    start, portals, strangers, caplog
):
    strangers.add("parent")
    start("parent")
    portals.wait("logout", "parent", times=3)
    said = [r.message for r in caplog.records if r.levelname == "ERROR"]
    assert said == ["volume-a: parent serves something else"]


def test_a_new_path_is_under_the_device_before_the_old_one_goes(
    start, portals
):
    live = start("parent", live=1)
    portals.wait("apply", "parent")
    portals.serving.add("uncle")
    assert live.want(hosts("uncle"))
    portals.wait("logout", "parent")
    moves = [move for move in portals.log if move[0] != "ask"]
    assert moves[2:] == [
        ("login", "uncle"), ("apply", "uncle"), ("logout", "parent"),
    ]  # fmt: skip


def test_the_last_path_stays_until_there_is_another(start, portals):
    live = start("parent")
    portals.wait("apply", "parent")
    live.want(hosts("uncle"))
    portals.wait("ask", "uncle", times=5)
    assert live.portals == ["parent:3260"]
    assert portals.done("logout") == []
    portals.serving.add("uncle")
    portals.wait("logout", "parent")
    assert live.portals == ["uncle:3260"]


def test_a_path_that_is_not_wanted_any_more_serves_until_there_is_another(
    start, portals, device
):
    device.there = False
    live = start("parent")
    portals.wait("apply", "nothing")
    live.want(hosts("uncle"))
    portals.wait("ask", "uncle")
    device.there = True
    live.stand_under(device)
    portals.wait("apply", "parent")
    portals.serving.add("uncle")
    portals.wait("logout", "parent")
    assert portals.done("apply")[-1] == "uncle"


def test_the_same_wish_again_changes_nothing(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    before = list(portals.log)
    assert not live.want(hosts("parent", "server"))
    assert not live.want(hosts("parent", "server", "parent"))
    live.stop()
    assert portals.log == before


def test_another_wish_with_the_same_live_paths_reloads_nothing(
    start, portals, device
):
    live = start("parent", "server", live=1)
    portals.wait("apply", "parent")
    assert live.want(hosts("parent", "uncle"))
    live.stand_under(device)
    portals.wait("apply", "parent", times=2)
    assert portals.done("login") == ["parent"]
    assert portals.done("logout") == []


def test_a_new_order_is_applied_without_a_login(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    live.want(hosts("server", "parent"))
    portals.wait("apply", "server parent")
    assert len(portals.done("login")) == 2
    assert portals.done("logout") == []


def test_paths_that_are_there_before_the_device_wait_for_it(
    start, portals, device
):
    device.there = False
    live = start("parent", "server")
    assert live.wait_first(PATIENCE).source.host == "parent"
    portals.wait("apply", "nothing", times=2)
    assert live.portals == []
    device.there = True
    live.stand_under(device)
    live.wait_applied(PATIENCE)
    assert live.portals == ["parent:3260", "server:3260"]


@pytest.mark.parametrize("error", [LayerError("busy"), KeyError("a fault")])
def test_a_failure_to_apply_is_tried_again(start, portals, device, error):
    device.trouble = [error]
    live = start("parent")
    portals.wait("trouble", "device")
    live.wait_applied(PATIENCE)


def test_nobody_there_names_every_portal_and_what_it_said(
    start, portals, strangers
):
    portals.serving = {"liar", "broken"}
    portals.failing.add("broken")
    strangers.add("liar")
    live = start("silent", "liar", "broken")
    portals.wait("ask", "silent", times=2)
    with pytest.raises(NoSource) as failed:
        live.wait_first(0.0)
    assert str(failed.value) == (
        "volume-a: no source answered in 0 s ("
        "silent:3260: does not serve the target; "
        "liar:3260: liar serves something else; "
        "broken:3260: login to broken failed)"
    )
    with pytest.raises(NoSource, match="silent:3260"):
        live.wait_applied(0.0)


def test_a_source_that_comes_back_ends_the_wait(start, portals):
    portals.serving = set()
    live = start("parent")
    portals.wait("ask", "parent")
    portals.serving = {"parent"}
    assert live.wait_first(PATIENCE).source.host == "parent"


def test_the_thread_ends_and_leaves_the_sessions_until_they_are_closed(
    start, portals
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    live.stop()
    assert list(portals.sessions) == hosts("parent", "server")
    live.logout()
    assert portals.sessions == {}
