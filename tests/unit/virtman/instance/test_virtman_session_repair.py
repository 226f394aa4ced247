# SPDX-License-Identifier: Apache-2.0
"""Sessions with stores that iscsid has lost are released, and no others."""

from __future__ import annotations

import struct

import pytest

from virtman import privsep, sysfs
from virtman.drivers import sessions
from virtman.exception import LayerError
from virtman.instance.session_repair import StoreSessions
from virtman.privsep import iscsi_netlink

STORE = "iqn.2010-10.org.openstack:cow-vol1"
IMAGE = "iqn.2010-10.org.openstack:volume-a"


@pytest.fixture
def standing(log_in):
    """Make a session with a state and one of its connection."""

    def begin(number, iqn=STORE, state="FAILED", connection="failed", **more):
        made = {"vendor": "VIRTMAN", "disk": f"sd{chr(96 + number)}"} | more
        log_in(number, iqn, "10.0.0.1", **made)
        classes = sysfs.SYS / "class"
        folder = classes / "iscsi_session" / f"session{number}"
        (folder / "state").write_text(f"{state}\n")
        folder = classes / "iscsi_connection" / f"connection{number}:0"
        (folder / "state").write_text(f"{connection}\n")

    return begin


def test_what_has_failed_is_a_store_of_ours(standing):
    standing(1)
    standing(2, state="LOGGED_IN")
    standing(3, iqn=IMAGE)
    standing(4, vendor="OTHER")
    standing(5, connection="bound")
    standing(6, iqn="iqn.2026-01.other:cow-vol1")
    assert sessions.failed_stores() == {1}


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def released(monkeypatch):
    done = []
    monkeypatch.setattr(privsep, "stop_connection", done.append)
    return done


def test_a_session_has_time_to_come_back_and_is_released_then(
    standing, clock, released, caplog
):
    standing(1)
    watch = StoreSessions(clock)
    watch.turn()
    clock.time += 14
    watch.turn()
    assert released == []
    clock.time += 1
    watch.turn()
    assert released == [1]
    watch.turn()
    assert released == [1], "it has time again"
    clock.time += 15
    watch.turn()
    assert released == [1, 1]
    assert caplog.text.count("session 1") == 1


def test_a_session_that_was_back_meanwhile_has_all_the_time(
    standing, clock, released
):
    standing(1)
    state = sysfs.SYS / "class/iscsi_session/session1/state"
    watch = StoreSessions(clock)
    watch.turn()
    clock.time += 14
    state.write_text("LOGGED_IN\n")
    watch.turn()
    state.write_text("FAILED\n")
    clock.time += 14
    watch.turn()
    assert released == []


def test_the_message_is_as_long_as_the_kernel_wants_it():
    told = iscsi_netlink.message(11, 0xB4EB64A0)
    assert len(told) == 72
    size, kind = struct.unpack_from("=IH", told)
    assert (size, kind) == (72, 18)
    # type, iferror, transport; session, connection, handle, flag.
    assert struct.unpack_from("=IIQIIQI", told, 16) == (
        18, 0, 0xB4EB64A0, 11, 0, 0, 3,
    )  # fmt: skip


def test_the_kernel_s_no_is_read_as_it_was_seen():
    # The answer to a BIND_CONN that was refused, as strace showed it.
    seen = bytes.fromhex(
        "48000000 0f00 0000 00000000 00000000"
        "0f000000 00000000 a064ebb400000000"
        "0b000000 00000000 0600000000000000 01000000 00000000"
        "95ffffff 00000000 0000000000000000"
    )
    assert len(seen) == 72
    assert iscsi_netlink.answered(seen) == -107
    assert iscsi_netlink.answered(seen[:56] + bytes(16)) == 0
    # The transport layer's own no, before any driver is asked.
    own = seen[:20] + bytes.fromhex("eaffffff") + seen[24:56] + bytes(16)
    assert iscsi_netlink.answered(own) == -22
    with pytest.raises(LayerError, match="too short"):
        iscsi_netlink.answered(seen[:60])


def test_no_other_session_is_stopped(standing, monkeypatch):
    stopped = []
    monkeypatch.setattr(iscsi_netlink, "stop", stopped.append)
    standing(1)
    standing(2, iqn=IMAGE)
    privsep.stop_connection(1)
    for other in (2, 3):
        with pytest.raises(LayerError, match="not the agent's"):
            privsep.stop_connection(other)
    assert stopped == [1]


def test_a_kernel_without_iscsi_is_named():
    with pytest.raises(LayerError, match="modprobe iscsi_tcp"):
        iscsi_netlink.stop(1)
