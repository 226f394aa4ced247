# SPDX-License-Identifier: Apache-2.0
"""Logins: asked first whether it serves, with short timeouts, all or none."""

from __future__ import annotations

import socket

import pytest

from virtman.drivers import portal
from virtman.drivers.connector import Connector
from virtman.drivers.node_records import TIMEOUTS
from virtman.exception import CommandError, LayerError, NoSource
from virtman.path import Path, Source

IQN = "iqn.2010-10.org.openstack:volume-a"
SERVER = Source("10.0.0.1", 3260, IQN)


class Brick:
    """os-brick: gives a disk of the fake host, or an error."""

    def __init__(self, kernel):
        self._kernel = kernel
        self.error = None
        self.asked = []

    def connect_volume(self, properties):
        self.asked.append(("connect", properties))
        if self.error:
            raise self.error
        name = self._kernel.sys.add("sd", 4096)
        return {"type": "block", "path": f"/dev/{name}"}


@pytest.fixture
def brick(kernel):
    return Brick(kernel)


@pytest.fixture
def sessions(brick, tmp_path):
    made = Connector(tmp_path / "locks")
    made._brick = brick
    return made


@pytest.fixture
def no_record(kernel):
    """A host that has no record of any node yet."""

    def iscsiadm(args, _):
        if len(args) == 6:
            raise CommandError(args, 21, "", "iscsiadm: No records found")
        return ""

    kernel.tools["iscsiadm"] = iscsiadm
    return kernel


def test_a_login_gives_the_disk_and_its_size(sessions, kernel):
    assert sessions.connect(SERVER) == Path(SERVER, "/dev/sda", 4096)


def test_a_record_is_made_and_given_short_timeouts_before_the_login(
    sessions, no_record
):
    sessions.connect(SERVER)
    assert no_record.called("iscsiadm", "new")
    update = no_record.called("iscsiadm", "update")[0]
    for name, value in TIMEOUTS.items():
        at = update.index(name)
        assert update[at - 1 : at + 3] == ("-n", name, "-v", value)


def test_a_volume_that_is_written_on_waits_for_its_target(sessions, kernel):
    sessions.connect_store(SERVER)
    sessions.connect(SERVER)
    name = "node.session.timeo.replacement_timeout"
    given = [
        argv[argv.index(name) + 2] for argv in kernel.calls if name in argv
    ]
    assert given == ["-1", TIMEOUTS[name]]


def test_a_record_that_is_there_is_not_made_again(sessions, kernel):
    sessions.connect(SERVER)
    assert kernel.called("iscsiadm", "update")
    assert not kernel.called("iscsiadm", "new")


def test_nothing_is_fetched_that_nobody_asked_for(sessions, kernel):
    sessions.connect(SERVER)
    assert kernel.called("blockdev", "--setra", "0", "/dev/sda")


def test_the_properties_are_the_ones_that_os_brick_needs(sessions, brick):
    sessions.connect(Source("fe80::1", 3261, IQN, 2))
    ((_, properties),) = brick.asked
    assert properties["target_portal"] == "[fe80::1]:3261"
    assert properties["target_iqns"] == [IQN]
    assert properties["target_luns"] == [2]


@pytest.mark.parametrize("error", [OSError("no disk"), ValueError("odd")])
def test_a_login_that_fails_is_told_with_the_source(sessions, brick, error):
    brick.error = error
    with pytest.raises(NoSource) as failed:
        sessions.connect(SERVER)
    assert str(failed.value) == f"login to {SERVER} failed: {error}"


def test_a_record_that_cannot_be_written_fails_the_login(sessions, kernel):
    kernel.refuse("iscsiadm")
    with pytest.raises(NoSource, match="the test says no"):
        sessions.connect(SERVER)


def test_a_disk_that_is_gone_at_once_leaves_no_session(
    sessions, kernel, brick
):
    kernel.refuse("blockdev")
    with pytest.raises(NoSource, match=r"10\.0\.0\.1"):
        sessions.connect(SERVER)
    assert kernel.called("iscsiadm", "--logout")


def test_no_login_of_ours_is_made_again_by_the_next_boot(sessions, kernel):
    sessions.connect(SERVER)
    assert kernel.called("iscsiadm", "update")[-1][-4:] == (
        "-n", "node.startup", "-v", "manual",
    )  # fmt: skip


def test_a_logout_ends_the_session_and_forgets_the_record(sessions, kernel):
    path = sessions.connect(SERVER)
    kernel.calls.clear()
    sessions.disconnect(path)
    node = ("iscsiadm", "-m", "node", "-T", IQN, "-p", "10.0.0.1:3260")
    assert kernel.calls == [(*node, "--logout"), (*node, "-o", "delete")]


def test_a_session_that_is_gone_already_is_logged_out(sessions, kernel):
    path = sessions.connect(SERVER)

    def iscsiadm(args, _):
        raise CommandError(args, 21, "", "No matching sessions found")

    kernel.tools["iscsiadm"] = iscsiadm
    sessions.disconnect(path)


def test_a_logout_that_fails_is_told_with_the_source(sessions, kernel):
    path = sessions.connect(SERVER)
    kernel.refuse("iscsiadm", "--logout")
    with pytest.raises(LayerError, match=r"logout of .*volume-a.* says no"):
        sessions.disconnect(path)


def test_a_portal_is_asked_what_it_serves_without_leaving_a_record(
    sessions, kernel
):
    kernel.tools["iscsiadm"] = lambda args, _: f"10.0.0.1:3260,1 {IQN}\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = Source("127.0.0.1", listener.getsockname()[1], IQN)
        assert sessions.serves(here)
        kernel.refuse("iscsiadm")
        assert not sessions.serves(here)
    (asked, _) = kernel.called("iscsiadm", "sendtargets")
    assert asked[-2:] == ("-o", "nonpersistent")


@pytest.mark.parametrize(
    ("name", "reader", "serves"),
    [
        (IQN, "127.0.0.1", False),
        (IQN, "127.0.0.10", True),
        (f"{IQN}0", "127.0.0.1", True),
    ],
)
def test_who_reads_the_image_from_this_node_is_no_source_of_it(
    sessions, kernel, name, reader, serves
):
    kernel.tools["tgtadm"] = lambda args, _: (
        f"Target 1: {name}\n    I_T nexus information:\n"
        "        I_T nexus: 1\n            Connection: 0\n"
        f"                IP Address: {reader}\n"
    )
    kernel.tools["iscsiadm"] = lambda args, _: f"10.0.0.1:3260,1 {IQN}\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert sessions.serves(Source("127.0.0.1", port, IQN)) is serves


def test_a_tgtd_that_is_down_keeps_nobody_from_logging_in(sessions, kernel):
    kernel.refuse("tgtadm")
    kernel.tools["iscsiadm"] = lambda args, _: f"10.0.0.1:3260,1 {IQN}\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert sessions.serves(Source("127.0.0.1", port, IQN))


def test_a_portal_that_does_not_listen_is_not_asked(sessions, kernel):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not sessions.serves(Source("127.0.0.1", port, IQN))
    assert not sessions.serves(Source("no.such.host.invalid", 3260, IQN))
    assert kernel.calls == []
    assert portal._PROBE_SECONDS < 5
