# SPDX-License-Identifier: Apache-2.0
"""An engine that failed under its readers is mended, and they go past it."""

from __future__ import annotations

import contextlib
import os
from types import SimpleNamespace

import pytest
from fake_daemon import FakeDaemon
from fake_life import Killed, Life

from virtman import names, privsep
from virtman.cache.qemu import hydrator, repair
from virtman.cache.qemu.bypass import Bypass
from virtman.cache.qemu.engine import QemuEngine
from virtman.doctor import Level, engines
from virtman.drivers import dmsetup, nbd, orphaned_commands, sparse
from virtman.exception import LayerError
from virtman.names import Role

SECTORS = 128 * 4
REGION = 65536
ENGINE = "engine_volume-a"


@pytest.fixture
def daemon(kernel, monkeypatch):
    monkeypatch.setattr(hydrator.Hydrator, "start", lambda self: None)
    return FakeDaemon(kernel, monkeypatch)


@pytest.fixture
def source(kernel):
    """The multipath device, with a path."""
    disk = kernel.sys.add("sd", SECTORS)
    table = (
        f"0 {SECTORS} multipath 1 queue_if_no_path 0 1 1 "
        f"queue-length 0 1 1 /dev/{disk} 1"
    )
    return dmsetup.create(Role.MULTIPATH, "volume-a", table, readonly=True)


@pytest.fixture
def start(kernel, settings, daemon, source):
    """Start an engine, as the next agent does; one that dies stays dead."""

    def begin(lifespan=None):
        life = kernel.life = Life(lifespan)
        privsep.observe(life.done)
        made = QemuEngine(settings(cache_free_mib=0))
        if dmsetup.find(Role.CACHED, "volume-a"):
            made.follow("volume-a", source, SECTORS)
        else:
            made.activate("volume-a", source, SECTORS)
        return made

    yield begin
    kernel.life = Life()


@pytest.fixture
def engine(start):
    return start()


@pytest.fixture
def free(monkeypatch):
    """Set how many bytes every file system has left."""

    def bytes_free(number):
        answer = SimpleNamespace(f_bavail=number, f_frsize=1)
        monkeypatch.setattr(os, "statvfs", lambda _: answer)

    return bytes_free


def tend(engine, ask=False):
    return engine._hydrators["volume-a"]._engine.tend(ask)


def fail(kernel):
    """Have the kernel go past the engine."""
    device = kernel.dm.devices[ENGINE]
    device.failed.add(device.table.split("queue-length 0 1 1 ")[1].split()[0])


def test_a_dead_daemon_and_its_device_are_replaced(kernel, daemon, engine):
    assert tend(engine) == "/dev/nbd0"
    daemon.running.clear()
    assert tend(engine) == "/dev/nbd1"
    assert daemon.running
    assert daemon.connected() == ["nbd1"]
    assert " 43:1 1 queue-length 0 1 1 253:0 1" in (
        kernel.dm.devices[ENGINE].table
    )
    calls = len(kernel.calls)
    assert tend(engine) == "/dev/nbd1"
    assert len(kernel.calls) == calls, "what is whole costs no command"


def test_what_a_dead_daemon_had_kept_is_read_from_its_file(
    kernel, daemon, engine, monkeypatch
):
    held = [(0, REGION + 4096), (2 * REGION, 3 * REGION)]
    monkeypatch.setattr(sparse, "written", lambda file: held)
    daemon.running.clear()
    tend(engine)
    device = kernel.dm.devices["cached_volume-a"]
    assert device.messages[-1] == "set_region_mappings 0:1 2:1"
    flipped = kernel.calls.index(
        ("dmsetup", "message", "cached_volume-a", "0", device.messages[-1])
    )
    starts = [
        n for n, c in enumerate(kernel.calls) if c[0] == "qemu-storage-daemon"
    ]
    assert starts[0] < flipped < starts[1], "nobody writes to it then"


def test_partitions_of_a_guest_are_forgotten_before_anybody_looks(
    kernel, daemon, engine
):
    (kernel.sys.folder("nbd1") / "nbd1p1").mkdir()
    daemon.running.clear()
    tend(engine)
    (forgotten,) = kernel.called("partx")
    assert forgotten == ("partx", "--delete", "/dev/nbd1")
    assert kernel.calls.index(forgotten) < kernel.calls.index(
        kernel.called("dmsetup", "load")[0]
    )


def test_a_way_past_the_engine_that_failed_is_taken_back_in_time(
    kernel, engine
):
    kernel.dm.devices[ENGINE].failed.add("253:0")
    assert not Bypass("volume-a").failed, "reads go through it"
    tend(engine, True)
    assert kernel.dm.devices[ENGINE].failed == set()


def test_nothing_is_started_while_there_is_no_source_to_open(
    kernel, daemon, engine
):
    kernel.dm.devices["multipath_volume-a"].failed.add("8:0")
    daemon.running.clear()
    tend(engine)
    assert not daemon.running
    kernel.dm.devices["multipath_volume-a"].failed.clear()
    tend(engine)
    assert daemon.running


def test_a_repair_that_fails_is_told_once_and_tried_again(
    kernel, daemon, engine, monkeypatch, caplog
):
    monkeypatch.setattr(repair, "_AGAIN_MOST", 0.0)
    daemon.running.clear()
    kernel.refuse("qemu-storage-daemon")
    engine._hydrators["volume-a"]._engine._pause = 0.0
    for _ in range(3):
        tend(engine)
    assert caplog.text.count("its engine is not repaired yet") == 1
    assert "the test says no" in caplog.text
    kernel.relent()
    tend(engine)
    assert daemon.running


def test_a_full_file_system_is_told_once_and_its_cache_used_again_later(
    kernel, daemon, engine, free, caplog
):
    free(4096)
    fail(kernel)
    for ask in (True, False, True):
        tend(engine, ask)
    assert caplog.text.count("is full") == 1
    assert str(engine.settings.cache_dir) in caplog.text
    assert "make room" in caplog.text
    assert Bypass("volume-a").failed
    free(1 << 30)
    tend(engine)
    assert not Bypass("volume-a").failed
    assert kernel.dm.devices[ENGINE].messages[-1] == "switch_group 1"
    assert daemon.connected() == ["nbd0"], "the daemon was in order"


def test_a_path_that_fails_again_gets_another_connection(
    kernel, daemon, engine
):
    fail(kernel)
    tend(engine, True)
    assert not Bypass("volume-a").failed
    fail(kernel)
    tend(engine)
    assert daemon.connected() == ["nbd1"]
    assert not Bypass("volume-a").failed


def test_opening_uses_what_a_scanner_made_fail(kernel, engine):
    device = kernel.dm.devices[ENGINE]
    device.failed |= {"43:0", "253:0"}
    engine.opened("volume-a")
    assert device.failed == set()
    sent = len(device.messages)
    engine.opened("volume-a")
    assert len(device.messages) == sent


def test_reads_that_the_source_fails_are_failed_and_not_kept(
    kernel, daemon, engine
):
    engine.opened("volume-a")
    daemon.running.clear()
    tend(engine)
    assert "queue_if_no_path" not in kernel.dm.devices[ENGINE].table


def test_a_repair_that_an_agent_was_killed_at_is_ended_by_the_next(
    start, kernel, daemon
):
    for lifespan in range(1, 100):
        dying = start()
        daemon.running.clear()
        life = kernel.life = Life(lifespan)
        privsep.observe(life.done)
        with contextlib.suppress(Killed):
            tend(dying)
        survived = not life.over
        engine = start()
        tend(engine)
        device = tend(engine)
        assert daemon.running
        assert [f"/dev/{name}" for name in daemon.connected()] == [device]
        engine.deactivate("volume-a")
        assert kernel.left() == ["multipath_volume-a", "sda"]
        assert daemon.connected() == []
        if survived:
            assert lifespan > 4
            return
    raise AssertionError("the repair never got through")


def test_an_engine_that_is_passed_by_is_a_finding_with_its_folder(
    kernel, engine, settings
):
    (fine,) = engines.look(engine.settings)
    assert (fine.level, fine.remedy) == (Level.OK, "")
    fail(kernel)
    (bad,) = engines.look(engine.settings)
    assert bad.level is Level.ERROR
    assert "volume-a is read past its cache" in bad.text
    assert str(engine.settings.cache_dir) in bad.remedy


def test_an_nbd_client_with_a_connection_is_no_command_that_runs_on(
    kernel, engine, monkeypatch, tmp_path
):
    for pid, name in ((1, "nbd-client"), (77, "nbd-client"), (78, "dmsetup")):
        (tmp_path / "proc" / str(pid)).mkdir(parents=True)
        stat = f"{pid} ({name}) S 1 {pid} {pid}"
        (tmp_path / "proc" / str(pid) / "stat").write_text(stat)
    monkeypatch.setattr(orphaned_commands, "_PROC", tmp_path / "proc")
    assert nbd.keepers() == {1}, "as the double of the daemon has it"
    assert sorted(orphaned_commands._commands()) == [
        "dmsetup (78)",
        "nbd-client (77)",
    ]


def test_a_connection_that_does_not_come_up_is_told(
    kernel, engine, monkeypatch, tmp_path
):
    monkeypatch.setattr(nbd, "_PATIENCE", 0.0)
    kernel.tools["nbd-client"] = lambda args, stdin: ""
    with pytest.raises(LayerError, match="nbd1 is not connected"):
        nbd.connect(tmp_path / "s", "image", tmp_path / "claim")


def test_the_runs_that_were_written_are_told(tmp_path):
    file = tmp_path / "a.data"
    with file.open("wb") as out:
        out.truncate(8 * REGION)
        os.pwrite(out.fileno(), b"x" * REGION, 2 * REGION)
    assert sparse.written(file) == [(2 * REGION, 3 * REGION)]
    assert list(tmp_path.iterdir()) == [file]


def test_where_holes_are_not_told_nothing_counts_as_written(
    tmp_path, monkeypatch
):
    file = tmp_path / "a.data"
    file.write_bytes(bytes(REGION))
    monkeypatch.setattr(sparse, "_runs", lambda handle: iter([(0, 1 << 20)]))
    assert sparse.written(file) == []


def test_a_device_of_the_engine_is_named_after_its_image():
    assert names.dm_path(Role.ENGINE, "volume-a") == f"/dev/mapper/{ENGINE}"
