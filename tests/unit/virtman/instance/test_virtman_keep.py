# SPDX-License-Identifier: Apache-2.0
"""Who knows says whether a store has writes to keep; nobody guesses."""

from __future__ import annotations

import dataclasses

import pytest
from fake_node import FACTS, SERIAL, Site

from virtman.exception import InUse, NoSource, NotFound, WrongIdentity
from virtman.instance.request import Writes
from virtman.state.intent import InstanceIntent, InstanceState

WRITTEN = b"SnAp" + bytes(508)


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


@pytest.fixture
def disk(site):
    """A block device of the caller's, on every host the same."""
    return f"/dev/{site.kernel.sys.add('nbd', 1 << 20)}"


@pytest.fixture
def file(site):
    """What another host has written, brought here."""
    folder = site.settings.snapshot_dir
    folder.mkdir(parents=True)
    (folder / "vm1.cow").write_bytes(WRITTEN)
    return folder / "vm1.cow"


def written(site, disk):
    site.kernel.heads[disk] = WRITTEN
    return disk


def test_writes_of_another_host_are_taken_up_untouched(site, disk):
    made = site.create(device=written(site, disk), writes=Writes.KEEP)
    assert made.created
    assert site.kernel.wiped == []
    number = site.kernel.sys.read(disk.removeprefix("/dev/"), "dev")
    table = site.kernel.dm.devices["snapshot_vm1"].table
    assert table.split()[4:] == [number, "PO", "128"]
    intent = site.intents.get(InstanceIntent, "vm1")
    assert intent.state is InstanceState.ACTIVE
    assert intent.facts.serial == SERIAL


def test_so_is_a_file_that_was_brought_here(site, file):
    site.create(writes=Writes.KEEP)
    assert site.kernel.wiped == []
    assert site.kernel.loops() == {"/dev/loop0": str(file)}
    assert file.read_bytes() == WRITTEN


def test_the_same_request_again_changes_nothing(site, disk):
    site.create(device=written(site, disk), writes=Writes.KEEP)
    calls = len(site.kernel.calls)
    assert not site.create(device=disk, writes=Writes.KEEP).created
    assert not site.create(device=disk).created
    assert len(site.kernel.calls) == calls


def test_an_instance_that_is_known_here_keeps_its_writes_in_any_case(
    site, disk
):
    site.create(device=disk, writes=Writes.DISCARD)
    written(site, disk)
    site.node.deactivate("vm1")
    wiped = list(site.kernel.wiped)
    assert site.create(device=disk, writes=Writes.DISCARD).created
    assert site.kernel.wiped == wiped


@pytest.mark.parametrize("device", [True, False])
def test_where_nothing_was_written_there_is_nothing_to_keep(
    site, disk, device
):
    with pytest.raises(NotFound, match=r"vm1.*keep = false"):
        site.create(device=disk if device else None, writes=Writes.KEEP)
    assert site.held() == []


def test_a_store_that_was_written_on_is_not_wiped_unasked(site, disk):
    with pytest.raises(InUse, match="keep = true"):
        site.create(device=written(site, disk))
    assert (site.kernel.wiped, site.held()) == ([], [])
    assert site.create(device=disk, writes=Writes.DISCARD).created
    assert [device for device, _ in site.kernel.wiped] == [disk]


def test_a_file_of_ours_is_not_wiped_even_if_it_is_asked(site, file):
    with pytest.raises(InUse, match="remove it to start anew"):
        site.create(writes=Writes.DISCARD)
    assert file.read_bytes() == WRITTEN


def test_a_failure_leaves_the_writes_and_nothing_else(site, file):
    site.settings.state_dir.mkdir(exist_ok=True)
    site.start(source_timeout=0.01)
    with pytest.raises(NoSource):
        site.create(hosts=["nobody"], writes=Writes.KEEP)
    assert site.held() == ["vm1.cow"]
    site.start(source_timeout=10.0)
    site.kernel.refuse("dmsetup", "create", "snapshot_vm1")
    with pytest.raises(Exception, match="snapshot_vm1"):
        site.create(writes=Writes.KEEP)
    site.node.collect()
    assert site.held() == ["vm1.cow"]
    assert file.read_bytes() == WRITTEN
    site.kernel.relent()
    assert site.create(writes=Writes.KEEP).created


def test_it_comes_back_after_a_boot(site, file):
    site.create(writes=Writes.KEEP)
    site.power_cut()
    site.recover()
    assert [one.name for one in site.node.instances()] == ["vm1"]
    assert site.kernel.wiped == []


def test_from_then_on_it_stands_on_no_other_content(site, file):
    site.create(writes=Writes.KEEP)
    site.node.deactivate("vm1")
    intent = site.intents.get(InstanceIntent, "vm1")
    other = dataclasses.replace(FACTS, serial="VMTOTHER")
    site.intents.put(dataclasses.replace(intent, facts=other))
    site.create("vm2")
    with pytest.raises(WrongIdentity, match="VMTOTHER"):
        site.create()
    assert file.read_bytes() == WRITTEN
