# SPDX-License-Identifier: Apache-2.0
"""A source that fails: told at once, read around, taken back when it is."""

from __future__ import annotations

import threading

import pytest
from fake_paths import Device, Image, moves, started
from fake_portals import PATIENCE, Portals, source

from virtman.exception import CommandError, LayerError
from virtman.paths import failures, reconciler, rounds, table

NEVER = 3600.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(reconciler, "_RETRY_FIRST", 0.001)
    monkeypatch.setattr(rounds, "_RETRY_MOST", 0.005)
    monkeypatch.setattr(rounds, "_ASK_MOST", 0.005)
    monkeypatch.setattr(rounds, "_RETRY_ALONE", 0.005)
    monkeypatch.setattr(failures, "_ASK_FIRST", 0.001)
    monkeypatch.setattr(failures, "_HOLD_FIRST", 0.0)


@pytest.fixture
def portals():
    return Portals("parent", "uncle", "server")


@pytest.fixture
def device(portals):
    return Device(portals)


@pytest.fixture
def image(portals):
    return Image(portals)


@pytest.fixture
def start(portals, device, image):
    """Start the thread of one image; it is stopped after the test."""
    with started(portals, device, image) as begin:
        yield begin


def hosts(*names):
    return [source(name) for name in names]


def told(portals):
    return portals.done("news").count("volt")


def test_a_path_whose_session_is_down_is_told_and_read_around_at_once(
    start, portals
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    assert (live.failed, told(portals)) == ((), 0)
    portals.down.add("parent")
    live.look()
    assert live.failed == tuple(hosts("parent"))
    assert moves(portals)[-2:] == [("news", "volt"), ("fail", "parent")]


def test_what_lasts_is_told_once(start, portals, caplog):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    for _ in range(5):
        live.look()
    assert told(portals) == 1
    assert caplog.text.count("parent:3260 failed") == 1


def test_a_failure_costs_no_reload(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    live.look()
    portals.down.remove("parent")
    live.look()
    portals.wait("take back", "parent")
    live.stop()
    assert portals.done("apply") == ["parent", "parent server"]
    assert portals.done("logout") == []


def test_what_is_back_is_asked_what_it_is_and_then_told_no_more(
    start, portals
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    live.look()
    portals.down.remove("parent")
    live.look()
    portals.wait("take back", "parent")
    live.stop()
    assert moves(portals)[-2:] == [
        ("check again", "parent"), ("take back", "parent"),
    ]  # fmt: skip
    assert live.failed == ()


def test_what_is_back_and_does_not_answer_yet_is_asked_again(
    start, portals, image
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    live.look()
    image.silent.add("parent")
    portals.down.remove("parent")
    portals.wait("check again", "parent", times=3)
    assert "parent" not in portals.done("take back")
    assert live.failed == tuple(hosts("parent"))
    image.silent.remove("parent")
    portals.wait("take back", "parent")


def test_what_is_back_with_other_content_is_never_read(
    start, portals, image, caplog
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    live.look()
    image.strangers.add("parent")
    portals.down.remove("parent")
    live.look()
    portals.wait("logout", "parent")
    live.stop()
    assert "parent" not in portals.done("take back")
    assert "parent serves something else" in caplog.text
    assert live.failed == tuple(hosts("parent"))


def test_new_parents_come_under_before_the_failed_one_goes(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    portals.serving.remove("parent")
    live.look()
    live.want(hosts("uncle", "server"))
    portals.wait("logout", "parent")
    assert [move for move in moves(portals) if move[0] != "news"][-4:] == [
        ("fail", "parent"), ("login", "uncle"),
        ("apply", "uncle server"), ("logout", "parent"),
    ]  # fmt: skip


def test_a_parent_that_volt_replaced_is_told_until_it_serves_again(
    start, portals
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.down.add("parent")
    portals.serving.remove("parent")
    live.look()
    live.want(hosts("uncle", "server"))
    portals.wait("logout", "parent")
    portals.wait("ask", "parent", times=4)
    assert live.failed == tuple(hosts("parent"))
    portals.serving.add("parent")
    until(lambda: live.failed == ())
    assert portals.done("login").count("parent") == 1
    assert told(portals) == 1, "that it is back can wait for the next beat"


def until(condition):
    ready = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        ready.wait(0.001)
    raise AssertionError("it never came true")


def test_the_next_source_stands_in_while_volt_is_silent(start, portals):
    live = start("parent", "uncle", "server")
    portals.wait("apply", "parent uncle")
    portals.down.add("parent")
    live.look()
    portals.wait("apply", "uncle server")
    assert portals.done("logout") == [], "it may be back"
    portals.down.remove("parent")
    portals.wait("apply", "parent uncle", times=2)
    portals.wait("logout", "server")


def test_the_only_path_stays_where_it_is_and_is_used_again(start, portals):
    live = start("parent")
    portals.wait("apply", "parent")
    portals.down.add("parent")
    live.look()
    portals.down.remove("parent")
    live.look()
    portals.wait("take back", "parent")
    live.stop()
    assert portals.done("apply") == ["parent"]
    assert portals.done("logout") == []


def test_a_session_that_is_gone_for_good_is_made_anew(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    portals.gone.add("parent")
    live.look()
    portals.wait("logout", "parent")
    portals.wait("apply", "parent server", times=2)
    live.stop()
    assert portals.done("login").count("parent") == 2
    assert live.failed == ()


@pytest.mark.parametrize("others", [(), ("server",)])
def test_a_session_that_stays_down_though_its_portal_serves_is_made_anew(
    start, portals, monkeypatch, others
):
    monkeypatch.setattr(rounds, "_RENEW_AFTER", 0.01)
    live = start("parent", *others)
    before = " ".join(["parent", *others])
    portals.wait("apply", before)
    portals.serving.remove("parent")
    portals.down.add("parent")
    live.look()
    portals.wait("ask", "parent", times=5)
    assert portals.done("logout") == [], "nobody would let it in"
    portals.serving.add("parent")
    portals.wait("logout", "parent")
    portals.wait("apply", before, times=2)
    live.stop()
    assert portals.done("login").count("parent") == 2
    assert live.failed == ()


def test_a_session_has_some_time_to_come_back_by_itself(
    start, portals, monkeypatch
):
    monkeypatch.setattr(rounds, "_RENEW_AFTER", NEVER)
    live = start("parent")
    portals.wait("apply", "parent")
    portals.down.add("parent")
    live.look()
    portals.wait("ask", "parent", times=5)
    portals.down.remove("parent")
    live.look()
    portals.wait("take back", "parent")
    assert portals.done("logout") == []


def test_what_the_kernel_does_not_use_any_more_is_seen_when_it_is_asked(
    start, portals, device
):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    device.bad.add("parent")
    live.look()
    assert told(portals) == 0
    live.look(deep=True)
    assert told(portals) == 1
    portals.wait("take back", "parent")


def test_what_fails_again_and_again_is_taken_back_later_and_later(
    start, portals, monkeypatch
):
    monkeypatch.setattr(failures, "_HOLD_FIRST", NEVER)
    monkeypatch.setattr(failures, "_HOLD_MOST", NEVER)
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    flap(live, portals)
    portals.wait("take back", "parent")
    flap(live, portals)
    live.look()
    live.stop()
    assert portals.done("take back") == ["parent"]
    assert live.failed == tuple(hosts("parent"))


def flap(live, portals):
    portals.down.add("parent")
    live.look()
    portals.down.remove("parent")
    live.look()


def test_what_fails_again_is_taken_back_at_once_if_there_is_nothing_else(
    start, portals, monkeypatch
):
    monkeypatch.setattr(failures, "_HOLD_FIRST", NEVER)
    live = start("parent")
    portals.wait("apply", "parent")
    for times in range(1, 4):
        flap(live, portals)
        portals.wait("take back", "parent", times)


def test_a_source_that_should_be_there_and_is_not_is_told(start, portals):
    portals.serving.remove("parent")
    live = start("parent", "server")
    portals.wait("news", "volt")
    assert live.failed == tuple(hosts("parent"))
    portals.serving.add("parent")
    portals.wait("apply", "parent server")
    assert live.failed == ()


def test_a_parent_that_is_on_its_way_has_not_failed(start, portals):
    portals.serving.remove("parent")
    live = start("parent", "server", pending=["parent"])
    portals.wait("ask", "parent", times=5)
    assert (live.failed, told(portals)) == ((), 0)
    live.want(hosts("parent", "server"))
    portals.wait("news", "volt")


def test_a_source_has_some_time_to_answer(start, portals):
    portals.serving.remove("parent")
    live = start("parent", "server", standby_wait=NEVER)
    portals.wait("ask", "parent", times=5)
    assert (live.failed, told(portals)) == ((), 0)


def test_a_failure_is_noticed_while_a_login_takes_its_time(start, portals):
    live = start("parent", "server")
    portals.wait("apply", "parent server")
    begun, go_on = threading.Event(), threading.Event()
    login = portals.connect

    def slow(path):
        begun.set()
        assert go_on.wait(PATIENCE)
        return login(path)

    portals.connect = slow
    live.want(hosts("uncle", "parent", "server"))
    assert begun.wait(PATIENCE)
    portals.down.add("parent")
    live.look()
    assert told(portals) == 1
    go_on.set()
    portals.wait("apply", "uncle server")


def test_a_path_that_is_being_logged_out_has_not_failed(start, portals):
    live = start("parent", live=1)
    portals.wait("apply", "parent")
    begun, go_on = threading.Event(), threading.Event()
    logout = portals.disconnect

    def slow(path):
        portals.down.add(path.source.host)
        begun.set()
        assert go_on.wait(PATIENCE)
        logout(path)

    portals.disconnect = slow
    live.want(hosts("uncle"))
    assert begun.wait(PATIENCE)
    live.look()
    assert (live.failed, told(portals)) == ((), 0)
    go_on.set()
    portals.wait("logout", "parent")


def test_a_logout_that_fails_is_tried_again(start, portals):
    live = start("parent", live=1)
    portals.wait("apply", "parent")
    logout, errors = portals.disconnect, [LayerError("busy")] * 2

    def stubborn(path):
        if errors:
            portals.note("busy", path.source.host)
            raise errors.pop()
        logout(path)

    portals.disconnect = stubborn
    live.want(hosts("uncle"))
    portals.wait("logout", "parent")
    assert portals.done("busy") == ["parent", "parent"]
    assert live.failed == ()


def late():
    return CommandError(["dmsetup", "resume"], None, "", "no end in 10 s")


def test_a_swap_that_reads_hold_up_is_not_tried_again_soon(
    start, portals, device
):
    live = start("parent", live=1)
    portals.wait("apply", "parent")
    device.trouble = [late()]
    live.want(hosts("uncle"))
    portals.wait("trouble", "device")
    live.want(hosts("uncle", "server"))
    portals.serving.remove("server")
    live.want(hosts("server", "uncle"))
    portals.wait("ask", "server", times=3)
    live.stop()
    assert portals.done("apply") == ["parent"]
    assert portals.done("logout") == []


def test_a_swap_that_reads_held_up_is_tried_again_later(
    start, portals, device, monkeypatch
):
    monkeypatch.setattr(table, "_HELD_UP", 0.01)
    live = start("parent", live=1)
    portals.wait("apply", "parent")
    device.trouble = [late()]
    live.want(hosts("uncle"))
    portals.wait("apply", "uncle")


def test_a_swap_that_was_held_up_takes_place_when_the_culprit_has_failed(
    start, portals, device
):
    live = start("parent", live=1)
    portals.wait("apply", "parent")
    device.trouble = [late()]
    live.want(hosts("uncle"))
    portals.wait("trouble", "device")
    portals.down.add("parent")
    live.look()
    portals.wait("apply", "uncle")
    portals.wait("logout", "parent")
