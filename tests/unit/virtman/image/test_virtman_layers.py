# SPDX-License-Identifier: Apache-2.0
"""Origin, export and membership: compared with what is there, then built."""

from __future__ import annotations

import pytest

from virtman import names
from virtman.coordinator.protocol import VoltAway
from virtman.drivers import dmsetup
from virtman.exception import CommandError, InUse, LayerMismatch
from virtman.image.layers.export import Export
from virtman.image.layers.membership import Membership
from virtman.image.layers.origin import Origin
from virtman.model import PeerAddress
from virtman.names import Role

IMAGE = "volume-a"
IQN = names.iqn(IMAGE)
SERIAL = "VMT0123456789ABCDEF"
CACHED = names.dm_path(Role.CACHED, IMAGE)
ORIGIN = names.dm_path(Role.ORIGIN, IMAGE)


@pytest.fixture
def cached(kernel):
    disk = kernel.sys.add("sd", 4096)
    text = f"0 4096 linear /dev/{disk} 0"
    return dmsetup.create(Role.CACHED, IMAGE, text, readonly=True)


@pytest.fixture
def export(cached):
    return Export(IMAGE, IQN, SERIAL)


def test_an_origin_is_read_only_and_adopted_when_it_fits(kernel, cached):
    origin = Origin(IMAGE, 4096)
    assert origin.activate(cached) == (ORIGIN, True)
    table = kernel.dm.devices["origin_volume-a"].table
    assert table == "0 4096 snapshot-origin 253:0"
    assert "--readonly" in kernel.called("create", "origin_volume-a")[0]
    assert Origin(IMAGE, 4096).activate(cached) == (ORIGIN, False)
    assert origin.deactivate()
    assert not origin.deactivate()


def test_an_origin_over_another_device_is_refused(kernel, cached):
    Origin(IMAGE, 4096).activate(cached)
    other = f"/dev/{kernel.sys.add('sd', 4096)}"
    with pytest.raises(LayerMismatch, match=r"253:0.*8:1"):
        Origin(IMAGE, 4096).activate(other)


def test_an_export_serves_the_cached_device_and_hands_on_the_origin(
    kernel, export
):
    assert export.activate(ORIGIN) == (ORIGIN, True)
    served = kernel.tgt.served(IQN)
    assert (served.device, served.serial) == (CACHED, SERIAL)
    assert served.readonly == "Yes"
    assert export.activate(ORIGIN) == (ORIGIN, False)


def test_nobody_may_log_in_before_the_disk_is_complete(kernel, export):
    export.activate(ORIGIN)
    verbs = [call[call.index("--op") + 1] for call in kernel.called("--op")]
    assert verbs[-1] == "bind"
    assert verbs.index("update") < verbs.index("bind")


@pytest.mark.parametrize("verb", ["update", "bind"])
def test_a_half_made_target_is_taken_away(kernel, export, verb):
    kernel.refuse("tgtadm", verb)
    with pytest.raises(CommandError):
        export.activate(ORIGIN)
    assert kernel.tgt.targets == {}


@pytest.mark.parametrize("commands", [1, 2, 3])
def test_a_target_that_a_killed_agent_left_half_made_is_made_anew(
    kernel, export, commands
):
    export.activate(ORIGIN)
    served = kernel.tgt.served(IQN)
    served.acl.clear()
    if commands < 3:
        served.serial = "IET     00010001"
    if commands < 2:
        served.device = None
    assert export.activate(ORIGIN) == (ORIGIN, True)
    (made,) = kernel.tgt.targets.values()
    assert (made.device, made.serial, made.acl) == (CACHED, SERIAL, ["ALL"])


def test_a_target_over_another_device_is_not_taken_away(kernel, export):
    export.activate(ORIGIN)
    kernel.tgt.served(IQN).device = "/dev/loop0"
    assert not export.deactivate()
    assert len(kernel.tgt.targets) == 1


def test_a_target_of_that_name_with_other_content_is_refused(kernel, export):
    export.activate(ORIGIN)
    with pytest.raises(LayerMismatch, match=f"{SERIAL}.*VMTOTHER"):
        Export(IMAGE, IQN, "VMTOTHER").activate(ORIGIN)


def test_a_target_stays_while_a_child_reads(kernel, export):
    export.activate(ORIGIN)
    kernel.tgt.served(IQN).initiators.append("iqn.2026-01.lab:node2")
    assert export.children() == ["iqn.2026-01.lab:node2"]
    with pytest.raises(InUse, match=r"still serves.*node2"):
        export.deactivate()
    kernel.tgt.served(IQN).initiators.clear()
    assert export.deactivate()
    assert not export.deactivate()
    assert export.children() == []


class Volt:
    """Keeps what it is told; away when ``away``."""

    def __init__(self):
        self.told = []
        self.away = False

    def register(self, peer):
        self._say("register", peer)

    def leave(self, peer):
        self._say("leave", peer)
        return True

    def _say(self, what, peer):
        if self.away:
            raise VoltAway("volt is away")
        self.told.append((what, peer.peer_id))


@pytest.fixture
def peers():
    return [PeerAddress(IMAGE, "127.0.0.1", 3260, IQN, 1, "n1:volume-a")]


@pytest.fixture
def volt():
    return Volt()


@pytest.fixture
def membership(volt, peers):
    return Membership(volt, lambda: peers[-1])


def test_a_node_registers_and_leaves_and_hands_on_what_is_below(
    membership, volt
):
    assert membership.activate(ORIGIN) == (ORIGIN, True)
    assert membership.deactivate()
    assert volt.told == [
        ("register", "n1:volume-a"), ("leave", "n1:volume-a"),
    ]  # fmt: skip


def test_a_place_that_was_taken_later_is_the_one_that_is_left(
    membership, volt, peers
):
    membership.activate(ORIGIN)
    peers.append(PeerAddress(IMAGE, "127.0.0.1", 3260, IQN, 1, "later"))
    membership.deactivate()
    assert volt.told[-1] == ("leave", "later")


def test_a_volt_that_is_away_fails_neither_building_nor_removal(
    membership, volt, caplog
):
    volt.away = True
    assert membership.activate(ORIGIN) == (ORIGIN, True)
    assert not membership.deactivate()
    assert caplog.text.count("volt is away") == 2
