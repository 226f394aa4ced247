# SPDX-License-Identifier: Apache-2.0
"""Instances: made on an origin, read back from the kernel, purged."""

from __future__ import annotations

import pytest
from fake_portals import Portals

from virtman import names, privsep
from virtman.drivers import dmsetup
from virtman.exception import CommandError, InUse, LayerMismatch
from virtman.instance import snapshot
from virtman.instance.request import DiskRequest, GivenDevice, OwnFile
from virtman.instance.snapshot import Instance, Snapshots
from virtman.names import Role

CHUNK = 128


@pytest.fixture
def snapshots(kernel, settings):
    disk = kernel.sys.add("sd", 4096)
    dmsetup.create(
        Role.ORIGIN, "volume-a", f"0 4096 snapshot-origin /dev/{disk}",
        readonly=True,
    )  # fmt: skip
    return Snapshots(settings(), Portals())


def before(kernel):
    return ["origin_volume-a", "sda"]


def intend(snapshots, name, device=None):
    cow = GivenDevice(device) if device else OwnFile()
    return snapshots.intend(DiskRequest(name, "volume-a", cow=cow), [])


def test_an_instance_is_a_persistent_snapshot_of_the_origin(snapshots, kernel):
    made = snapshots.create(intend(snapshots, "vm1"))
    assert made == Instance("vm1", "volume-a")
    assert made.path == "/dev/mapper/snapshot_vm1"
    device = kernel.dm.devices["snapshot_vm1"]
    assert device.table == "0 4096 snapshot 253:0 7:0 PO 128"
    assert device.uuid == names.dm_uuid(Role.SNAPSHOT, "vm1")


def test_an_old_snapshots_header_is_wiped_before_the_store_is_used(
    snapshots, kernel
):
    snapshots.create(intend(snapshots, "vm1"))
    assert kernel.wiped == [("/dev/loop0", CHUNK * 512)]


def test_instances_are_read_back_from_the_kernel(snapshots):
    for name in ("vm2", "vm1"):
        snapshots.create(intend(snapshots, name))
    assert snapshot.find("vm1") == Instance("vm1", "volume-a")
    assert snapshot.find("vm3") is None
    assert {item.name for item in snapshot.instances()} == {"vm1", "vm2"}


def test_a_snapshot_that_is_not_ours_is_nobodys_instance(snapshots, kernel):
    kernel.dm.foreign("snapshot_vm1", 8)
    assert snapshot.instances() == []
    with pytest.raises(LayerMismatch, match="snapshot_vm1"):
        snapshot.find("vm1")


def test_a_purged_instance_leaves_nothing(snapshots, kernel, tmp_path):
    made = intend(snapshots, "vm1")
    snapshots.create(made)
    snapshots.purge(made)
    assert kernel.left() == before(kernel)
    assert list(tmp_path.rglob("*.cow")) == []


def test_a_running_vm_keeps_its_disk_and_its_store(snapshots, kernel):
    made = intend(snapshots, "vm1")
    snapshots.create(made)
    kernel.dm.opened.add("snapshot_vm1")
    with pytest.raises(InUse, match="snapshot_vm1 is in use"):
        snapshots.purge(made)
    assert "/dev/loop0" in kernel.loops()


def test_a_device_that_was_given_is_given_back_untouched(snapshots, kernel):
    given = f"/dev/{kernel.sys.add('nbd', 1 << 20)}"
    made = intend(snapshots, "vm1", given)
    snapshots.create(made)
    assert kernel.wiped == [(given, CHUNK * 512)]
    snapshots.purge(made)
    assert kernel.loops() == {}


@pytest.mark.parametrize("error", [OSError(16, "busy"), None])
def test_a_failure_leaves_no_store(snapshots, kernel, monkeypatch, error):
    def wipe(*_):
        raise error

    if error:
        monkeypatch.setattr(privsep, "wipe", wipe)
    else:
        kernel.refuse("dmsetup", "create")
    with pytest.raises((OSError, CommandError)):
        snapshots.create(intend(snapshots, "vm1"))
    assert kernel.left() == before(kernel)
