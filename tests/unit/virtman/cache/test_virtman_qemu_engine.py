# SPDX-License-Identifier: Apache-2.0
"""The default engine: room for its files, all of its parts or none."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from fake_daemon import FakeDaemon
from fake_portals import PATIENCE
from switch_model import DmSwitch

from virtman.cache import engine
from virtman.cache.qemu import hydration_map, hydrator
from virtman.cache.qemu.engine import QemuEngine
from virtman.exception import ConfigError, InUse, NoSpace, VirtmanError
from virtman.stack import State

MIB = 1 << 20
SECTORS = 128 * 4
CACHED = "/dev/mapper/cached_volume-a"


@pytest.fixture
def qemu(settings):
    made = QemuEngine(settings(cache_free_mib=0))
    yield made
    made.close()


@pytest.fixture
def free(monkeypatch):
    """Set how many bytes every file system has left."""

    def bytes_free(number):
        answer = SimpleNamespace(f_bavail=number, f_frsize=1)
        monkeypatch.setattr(os, "statvfs", lambda _: answer)

    return bytes_free


def data_file(qemu, image, length, written=0):
    folder = qemu.settings.cache_dir
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{image}.data"
    file.write_bytes(os.urandom(written))
    os.truncate(file, length)


def need(sectors):
    return sectors * 512 + sectors * 512 // 4096 + MIB


def test_an_image_that_just_fits_is_let_in(qemu, free):
    free(need(SECTORS))
    qemu.require_space("volume-a", SECTORS)
    free(need(SECTORS) - 1)
    with pytest.raises(NoSpace):
        qemu.require_space("volume-a", SECTORS)


def test_too_little_space_is_told_with_image_folder_and_remedy(qemu, free):
    free(3 * MIB)
    with pytest.raises(NoSpace) as refused:
        qemu.require_space("volume-a", 16 * MIB // 512)
    message = str(refused.value)
    assert "the cache of volume-a needs 17 MiB" in message
    assert f"{qemu.settings.cache_dir}, which has 3 MiB left" in message
    assert "cache_dir" in message


def test_what_sparse_files_may_still_grow_to_is_taken(qemu, free):
    data_file(qemu, "volume-b", 8 * MIB, written=2 * MIB)
    promised = 6 * MIB
    free(need(SECTORS) + promised)
    qemu.require_space("volume-a", SECTORS)
    free(need(SECTORS) + promised - 4096)
    with pytest.raises(NoSpace, match="other images may still need 6 MiB"):
        qemu.require_space("volume-a", SECTORS)


def test_a_file_that_is_full_promises_nothing_more(qemu, free):
    data_file(qemu, "volume-b", 2 * MIB, written=2 * MIB)
    free(need(SECTORS))
    qemu.require_space("volume-a", SECTORS)


def test_an_images_own_file_is_not_counted_against_it(qemu, free):
    data_file(qemu, "volume-a", 8 * MIB, written=2 * MIB)
    free(need(8 * MIB // 512) - 2 * MIB)
    qemu.require_space("volume-a", 8 * MIB // 512)


def test_what_is_to_stay_free_is_not_given_away(settings, free):
    qemu = QemuEngine(settings(cache_free_mib=5))
    free(need(SECTORS) + 5 * MIB)
    qemu.require_space("volume-a", SECTORS)
    free(need(SECTORS) + 5 * MIB - 1)
    with pytest.raises(NoSpace):
        qemu.require_space("volume-a", SECTORS)


def test_images_together_take_up_no_more_than_they_may(settings, free):
    qemu = QemuEngine(settings(cache_max_mib=10))
    free(1 << 40)
    data_file(qemu, "volume-b", 8 * MIB, written=MIB)
    data_file(qemu, "volume-a", 2 * MIB)
    qemu.require_space("volume-a", 2 * MIB // 512)
    with pytest.raises(NoSpace) as refused:
        qemu.require_space("volume-a", 2 * MIB // 512 + 1)
    message = str(refused.value)
    assert "other images have 8 MiB" in message
    assert "10 MiB of cache_max_mib" in message


@pytest.fixture
def source(kernel):
    """The multipath device's stand-in."""
    return f"/dev/{kernel.sys.add('sd', SECTORS)}"


@pytest.fixture
def daemon(kernel, monkeypatch):
    return FakeDaemon(kernel, monkeypatch)


def nothing_left(kernel, daemon, qemu):
    """Say whether the source alone is there."""
    assert kernel.left() == ["sda"]
    assert daemon.connected() == []
    assert daemon.running == set()
    assert list(qemu.settings.cache_dir.iterdir()) == []
    return True


def test_the_device_is_a_switch_with_every_region_on_the_engine(
    qemu, kernel, daemon, source
):
    assert qemu.activate("volume-a", source, SECTORS) == CACHED
    device = kernel.dm.devices["cached_volume-a"]
    assert device.table == f"0 {SECTORS} switch 2 128 0 253:0 0 7:0 0"
    assert kernel.dm.devices["engine_volume-a"].table == (
        f"0 {SECTORS} multipath 2 queue_mode bio 0 2 1 "
        "queue-length 0 1 1 43:0 1 queue-length 0 1 1 8:0 1"
    )
    switch = DmSwitch(4)
    for text in device.messages:
        switch.message(text)
    assert set(switch.map) == {hydration_map.ENGINE}
    (attach,) = kernel.called("losetup", "--find")
    assert "--read-only" in attach
    assert "--readonly" in kernel.called("dmsetup", "create")[0]


def test_a_scanner_that_was_faster_than_the_map_leaves_no_zeros_behind(
    qemu, kernel, daemon, source
):
    qemu.activate("volume-a", source, SECTORS)
    verbs = [(call[0], call[1]) for call in kernel.calls]
    message = verbs.index(("dmsetup", "message"))
    assert verbs.index(("blockdev", "--flushbufs")) > message


def test_without_dm_switch_the_device_is_the_engine_itself(
    qemu, kernel, daemon, source
):
    kernel.refuse("modprobe", "dm-switch")
    qemu.activate("volume-a", source, SECTORS)
    table = kernel.dm.devices["cached_volume-a"].table
    assert table == f"0 {SECTORS} linear 253:0 0"
    assert qemu.hydrated("volume-a") == (0, 0)


def test_what_was_read_moves_to_the_local_file(
    qemu, kernel, daemon, source, monkeypatch
):
    monkeypatch.setattr(hydrator, "_LOOK_EVERY", 0.001)
    daemon.local_bytes = SECTORS * 512
    qemu.activate("volume-a", source, SECTORS)
    qemu._hydrators["volume-a"].join(PATIENCE)
    assert qemu.hydrated("volume-a") == (4, 4)
    assert kernel.dm.devices["cached_volume-a"].messages[-1] == (
        "set_region_mappings 0:1 R1,3"
    )


def test_every_part_is_given_back(qemu, kernel, daemon, source):
    qemu.activate("volume-a", source, SECTORS)
    assert qemu.deactivate("volume-a")
    assert nothing_left(kernel, daemon, qemu)
    assert not qemu.deactivate("volume-a")


def test_any_step_that_fails_leaves_nothing(
    qemu, kernel, daemon, source, monkeypatch
):
    monkeypatch.setattr(hydrator, "_LOOK_EVERY", 3600)
    for step in range(100):
        kernel.refuse_nth(step)
        try:
            qemu.activate("volume-a", source, SECTORS)
        except VirtmanError:
            kernel.relent()
        else:
            if kernel.spared:
                return
            kernel.relent()
            qemu.deactivate("volume-a")
        assert nothing_left(kernel, daemon, qemu), f"step {step}"
    raise AssertionError("the engine never came up")


def test_a_reader_keeps_the_device_and_all_below_it(
    qemu, kernel, daemon, source
):
    qemu.activate("volume-a", source, SECTORS)
    kernel.dm.opened.add("cached_volume-a")
    with pytest.raises(InUse, match=CACHED):
        qemu.deactivate("volume-a")
    assert daemon.connected() == ["nbd0"]
    assert daemon.running
    assert qemu.status("volume-a", SECTORS).state is State.ACTIVE


def test_the_status_is_what_the_kernel_and_the_daemon_say(
    qemu, kernel, daemon, source
):
    assert qemu.status("volume-a", SECTORS).state is State.ABSENT
    qemu.activate("volume-a", source, SECTORS)
    assert qemu.status("volume-a", SECTORS).state is State.ACTIVE
    other = qemu.status("volume-a", SECTORS + 1)
    assert (other.state, "sectors" in other.reason) == (State.MISMATCH, True)
    daemon.running.clear()
    assert qemu.status("volume-a", SECTORS).state is State.ACTIVE


def test_an_nbd_device_that_is_taken_is_passed_over(
    qemu, kernel, daemon, source
):
    kernel.refuse("nbd-client", "/dev/nbd0")
    kernel.sys.write("nbd1", "pid", 7)
    qemu.activate("volume-a", source, SECTORS)
    assert daemon.connected() == ["nbd1", "nbd2"]


def test_no_nbd_device_left_is_told_with_the_remedy(
    qemu, kernel, daemon, source
):
    for name in ("nbd0", "nbd1", "nbd2", "nbd3"):
        kernel.sys.write(name, "pid", 7)
    with pytest.raises(VirtmanError, match="nbds_max"):
        qemu.activate("volume-a", source, SECTORS)
    assert kernel.left() == ["sda"]


def test_an_engine_is_found_by_its_name(settings):
    assert isinstance(engine.load(settings()), QemuEngine)


@pytest.mark.parametrize("name", ["Qemu", "bcache", "os.system"])
def test_an_unknown_engine_names_those_there_are(settings, name):
    with pytest.raises(ConfigError) as refused:
        engine.load(settings(cache_engine=name))
    message = str(refused.value)
    assert f"cache_engine = {name} is unknown" in message
    assert "flashcache, qemu" in message
