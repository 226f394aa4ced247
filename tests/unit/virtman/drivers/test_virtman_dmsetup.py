# SPDX-License-Identifier: Apache-2.0
"""Device-mapper: found through /sys, swapped without losing a reader."""

from __future__ import annotations

import pytest

from virtman import names, privsep, sysfs
from virtman.drivers import dmsetup, loop
from virtman.drivers.dmsetup import Device
from virtman.exception import CommandError, InUse, LayerMismatch
from virtman.names import Role


@pytest.fixture
def disk(kernel):
    return f"/dev/{kernel.sys.add('sd', 4096)}"


@pytest.fixture
def cached(kernel, disk):
    text = f"0 4096 linear {disk} 0"
    dmsetup.create(Role.CACHED, "volume-a", text, readonly=True)
    return dmsetup.find(Role.CACHED, "volume-a")


def test_a_device_is_known_by_its_name_and_its_uuid(kernel, cached):
    assert cached == Device(Role.CACHED, "volume-a", "dm-0")
    assert cached.path == "/dev/mapper/cached_volume-a"
    assert dmsetup.by_kernel_name("dm-0") == cached
    assert dmsetup.table(cached) == "0 4096 linear 8:0 0"


def test_ours_are_listed_by_role_and_others_are_not(kernel, cached, disk):
    kernel.dm.foreign("vg-root", 8, "LVM-x")
    kernel.dm.foreign("origin_volume-a", 8)
    dmsetup.create(Role.SNAPSHOT, "vm1", "0 8 zero")
    assert [d.key for d in dmsetup.ours()] == ["volume-a", "vm1"]
    assert [d.key for d in dmsetup.ours(Role.SNAPSHOT)] == ["vm1"]
    assert dmsetup.by_kernel_name("dm-1") is None
    assert dmsetup.by_kernel_name("dm-99") is None


@pytest.mark.parametrize("touch", ["find", "remove"])
def test_a_strangers_device_with_our_name_is_named_and_not_touched(
    kernel, touch
):
    kernel.dm.foreign("cached_volume-a", 8, "CRYPT-x")
    with pytest.raises(LayerMismatch, match=r"cached_volume-a.*'CRYPT-x'"):
        getattr(dmsetup, touch)(Role.CACHED, "volume-a")
    assert kernel.calls == []


def test_a_device_that_is_not_there_is_none_and_its_removal_no_error(kernel):
    assert dmsetup.find(Role.CACHED, "volume-a") is None
    assert not dmsetup.remove(Role.CACHED, "volume-a")
    assert kernel.calls == []


def test_a_device_that_is_being_removed_is_none_and_no_strangers(
    kernel, cached
):
    uuid = sysfs.SYS / "block/dm-0/dm/uuid"
    uuid.unlink()
    uuid.mkdir()  # it is there and cannot be read
    assert dmsetup.find(Role.CACHED, "volume-a") is None


def test_a_table_that_does_not_load_leaves_no_device(kernel):
    with pytest.raises(CommandError, match="No such device"):
        dmsetup.create(Role.CACHED, "volume-a", "0 8 linear /dev/none 0")
    assert kernel.left() == []


def test_a_swap_is_one_step_of_the_kernels_and_has_a_deadline(
    kernel, cached, disk
):
    kernel.calls.clear()
    dmsetup.swap_table(cached, f"0 4096 linear {disk} 8", readonly=True)
    assert [call[1] for call in kernel.calls] == ["load", "resume"]
    load, swap = kernel.calls
    assert "--noflush" in swap
    assert kernel.deadlines[load] is None
    assert kernel.deadlines[swap] == dmsetup.SWAP_DEADLINE
    assert dmsetup.table(cached) == "0 4096 linear 8:0 8"


def test_a_swap_whose_table_does_not_load_suspends_nothing(kernel, cached):
    with pytest.raises(CommandError):
        dmsetup.swap_table(cached, "0 8 linear /dev/none 0", readonly=True)
    assert not kernel.called("resume")
    assert dmsetup.table(cached) == "0 4096 linear 8:0 0"


def test_a_swap_that_fails_ends_with_the_old_table_and_no_other(
    kernel, cached, disk
):
    kernel.refuse("dmsetup", "resume", "--noflush")
    with pytest.raises(CommandError):
        dmsetup.swap_table(cached, f"0 4096 linear {disk} 8", readonly=True)
    device = kernel.dm.devices["cached_volume-a"]
    assert device.table == "0 4096 linear 8:0 0"
    assert (device.loaded, device.suspended) == (None, False)


def test_a_swap_that_fails_leaves_nobody_suspended(kernel, cached, disk):
    kernel.run(["dmsetup", "suspend", "cached_volume-a"])
    kernel.refuse("dmsetup", "resume", "--noflush")
    with pytest.raises(CommandError):
        dmsetup.swap_table(cached, f"0 4096 linear {disk} 8", readonly=True)
    device = kernel.dm.devices["cached_volume-a"]
    assert (device.table, device.suspended) == ("0 4096 linear 8:0 0", False)


def test_a_device_that_was_left_suspended_is_resumed_once(kernel, cached):
    assert not dmsetup.resume(cached)
    kernel.run(["dmsetup", "suspend", "cached_volume-a"])
    assert dmsetup.resume(cached)
    assert not dmsetup.resume(cached)
    missing = Device(Role.CACHED, "volume-gone", "dm-9")
    assert not dmsetup.resume(missing)


def test_a_device_in_use_says_who_stands_on_it(kernel, cached):
    dmsetup.create(
        Role.ORIGIN, "volume-a", f"0 4096 snapshot-origin {cached.path}"
    )
    with pytest.raises(InUse, match="cached_volume-a is in use by dm-1"):
        dmsetup.remove(Role.CACHED, "volume-a")
    assert dmsetup.remove(Role.ORIGIN, "volume-a")
    kernel.dm.opened.add("cached_volume-a")
    with pytest.raises(InUse, match=r"in use \(held open\)"):
        dmsetup.remove(Role.CACHED, "volume-a")


def test_a_refusal_that_is_not_about_use_is_told_as_it_is(kernel, cached):
    kernel.refuse("dmsetup", "remove")
    with pytest.raises(CommandError, match="the test says no"):
        dmsetup.remove(Role.CACHED, "volume-a")


def test_what_another_program_made_on_ours_is_marked_as_ours_once(
    kernel, cached
):
    kernel.run(["dmsetup", "create", "cache_fcg"],
               f"0 4096 flashcache {cached.path}")  # fmt: skip
    assert dmsetup.claim(Role.CACHE, "fcg")
    assert dmsetup.find(Role.CACHE, "fcg")
    assert not dmsetup.claim(Role.CACHE, "fcg")


def test_what_stands_on_somebody_elses_is_not_marked(kernel, disk):
    kernel.run(["dmsetup", "create", "--readonly", "cache_fcg"],
               f"0 4096 flashcache {disk}")  # fmt: skip
    assert not dmsetup.claim(Role.CACHE, "fcg")
    assert not dmsetup.claim(Role.CACHE, "none")
    uuid = kernel.dm.devices["cache_fcg"].uuid
    assert uuid != names.dm_uuid(Role.CACHE, "fcg")


def test_the_length_of_a_table_is_the_sum_of_its_lines():
    assert dmsetup.sectors_of("0 8 linear 8:0 0\n8 16 error") == 24
    assert dmsetup.sectors_of("") == 0


def test_loop_devices_are_found_by_their_file(kernel, tmp_path):
    file, other = tmp_path / "a", tmp_path / "b"
    for each in (file, other):
        each.write_bytes(bytes(1024))
    device = loop.attach(file, readonly=True)
    loop.attach(other)
    (tmp_path / "link").symlink_to(file)
    assert loop.devices_of(file) == loop.devices_of(tmp_path / "link")
    assert loop.devices_of(file) == [device]
    assert loop.backing_file(device) == file
    assert sysfs.sectors(device) == 2
    loop.detach(device)
    assert loop.devices_of(file) == []
    assert loop.backing_file(device) is None
    assert loop.is_free(device)
    assert not loop.is_free("/dev/loop77")


def test_a_file_that_was_deleted_is_still_known_to_be_attached(
    kernel, tmp_path
):
    file = tmp_path / "a"
    file.write_bytes(bytes(512))
    device = loop.attach(file)
    kernel.sys.write("loop0", "loop/backing_file", f"{file} (deleted)")
    assert loop.backing_file(device) == file
    assert loop.devices_of(file) == [device]


def test_questions_about_what_is_not_there_have_empty_answers(kernel):
    assert sysfs.sectors("/dev/none") == 0
    assert sysfs.number("/dev/none") is None
    assert sysfs.holders("/dev/none") == sysfs.slaves("/dev/none") == []
    assert sysfs.reads_completed("/dev/none") == 0
    assert sysfs.read(kernel.sys.root / "none") is None


def test_a_file_is_no_block_device(tmp_path, monkeypatch):
    monkeypatch.undo()
    (tmp_path / "file").touch()
    assert sysfs.block_dir(str(tmp_path / "file")) is None
    assert sysfs.block_dir(str(tmp_path / "none")) is None
    assert sysfs.block_dir("/dev/null") is None


BUSY = (
    "device-mapper: reload ioctl on snapshot_vm1 (254:5) failed: Device or "
    "resource busy\nCommand failed.\n"
)


@pytest.fixture
def refused(monkeypatch):
    """How often dmsetup says no before it says yes, and with which words."""
    refusals = {"times": 0, "words": BUSY, "asked": 0}

    def run(*args, **_):
        refusals["asked"] += 1
        if refusals["asked"] <= refusals["times"]:
            raise CommandError(["dmsetup"], 1, "", refusals["words"])
        return ""

    monkeypatch.setattr(privsep, "dmsetup", run)
    monkeypatch.setattr(dmsetup, "HELD_DEADLINE", 0.2)
    return refusals


def test_a_device_that_is_held_for_a_moment_is_waited_for(refused):
    refused["times"] = 2
    dmsetup.create(Role.SNAPSHOT, "vm1", "0 8 zero")
    assert refused["asked"] == 3


def test_a_device_that_stays_held_is_told(refused):
    refused["times"] = 10**6
    with pytest.raises(CommandError, match="resource busy"):
        dmsetup.create(Role.SNAPSHOT, "vm1", "0 8 zero")


def test_what_else_the_kernel_refuses_is_told_at_once(refused):
    refused |= {"times": 10**6, "words": "device-mapper: Invalid argument"}
    with pytest.raises(CommandError, match="Invalid"):
        dmsetup.create(Role.SNAPSHOT, "vm1", "0 8 zero")
    assert refused["asked"] == 1
