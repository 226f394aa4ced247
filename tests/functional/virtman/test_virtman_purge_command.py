# SPDX-License-Identifier: Apache-2.0
"""``virtman purge`` as it is installed, on real processes and loop devices.

What needs device-mapper and sessions is in tests/lab/test_purge.py.  tgtd and
all folders are the test's own; on a host that has disks of ours nothing runs,
for they would go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tgt_daemon

from virtman import names
from virtman.drivers import dmsetup, loop, processes, storage_daemon

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="loop devices are made by root alone"
)

SCRIPT = Path(sys.executable).parent / "virtman"
OURS, THEIRS = names.iqn("volume-own"), "iqn.2001-04.org.theirs:disk"
DEADLINE = 60


def run(*argv, **more):
    done = subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True,
        timeout=DEADLINE, check=True, **more,
    )  # fmt: skip
    return done.stdout.strip()


class Host:
    """The parts of a host that the test makes, ours and others'."""

    def __init__(self, folder, monkeypatch):
        assert dmsetup.ours() == [], "this host has disks of virtman's"
        self.folder = folder
        self._loops = []
        # The control port that tgtadm asks when it is told of none.
        monkeypatch.setattr(tgt_daemon, "CONTROL", "0")
        (folder / "tgt").mkdir()
        self.tgtd = tgt_daemon.Daemon(folder / "tgt")
        self.conf = folder / "virtman.conf"
        self.conf.write_text(
            f"[DEFAULT]\nhost_ip = 127.0.0.1\nstate_dir = {folder}/state\n"
            f"run_dir = {folder}/run\n"
        )
        for name in ("state/cache", "state/snapshots", "run", "other"):
            (folder / name).mkdir(parents=True)

    def file(self, name):
        file = self.folder / name
        with file.open("wb") as out:
            out.truncate(1 << 20)
        return file

    def loop(self, name):
        device = run("losetup", "--find", "--show", self.file(name))
        self._loops.append(device)
        return device

    def export(self, tid, iqn, device, serial):
        unit = ("--mode", "logicalunit", "--tid", str(tid), "--lun", "1")
        for words in (
            ("--op", "new", "--mode", "target", "--tid", str(tid),
             "--targetname", iqn),
            ("--op", "new", *unit, "--backing-store", device),
            ("--op", "update", *unit, "--params", f"scsi_sn={serial}"),
        ):  # fmt: skip
            assert self.tgtd.says(*words) is not None

    def daemon(self, overlay, pidfile):
        run("qemu-img", "create", "-q", "-f", "qcow2", overlay, "1M")
        run(
            "qemu-storage-daemon", "--daemonize", "--pidfile", pidfile,
            "--blockdev", f"file,node-name=overlay-file,filename={overlay}",
        )  # fmt: skip

    def virtman(self, *words):
        done = subprocess.run(
            [SCRIPT, "--config-file", self.conf, *words, "-f", "json"],
            capture_output=True, text=True, timeout=DEADLINE, check=False,
            env=os.environ | self.tgtd.environment, input="",
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout or "[]"), done.stderr

    def end(self):
        for folder in ("state/cache", "other"):
            for pid, _ in storage_daemon.running(self.folder / folder):
                os.kill(pid, 9)
        self.tgtd.end()
        for device in self._loops:
            file = loop.backing_file(device)
            if file is not None and self.folder in file.parents:
                run("losetup", "--detach", device)


@pytest.fixture
def host(tmp_path, monkeypatch):
    made = Host(tmp_path, monkeypatch)
    yield made
    made.end()


@pytest.fixture
def full(host):
    """The host with an image target, a cache and a VM's writes, and theirs."""
    cache = host.folder / "state" / "cache"
    host.own = host.loop("own.raw")
    host.export(1, OURS, host.own, "VMT0123456789ABCDEF")
    host.daemon(
        cache / "volume-a.qcow2",
        host.folder / "run" / f"{names.short('volume-a')}.pid",
    )
    host.data = host.loop("state/cache/volume-a.data")
    host.store = host.loop("state/snapshots/vm1.cow")
    host.theirs = host.loop("other/theirs.raw")
    host.export(2, THEIRS, host.theirs, "theirs")
    host.daemon(host.folder / "other" / "b.qcow2", host.folder / "b.pid")
    return host


def files(*devices):
    """Return what each loop device stands on."""
    return [loop.backing_file(device) for device in devices]


def test_all_that_is_ours_goes_and_what_is_others_stays(full):
    _, rows, _ = full.virtman("check")
    named = " ".join(r["what"] for r in rows if r["check"] == "leftovers")
    for name in (OURS, full.data, full.store, "qemu-storage-daemon"):
        assert name in named
    status, rows, error = full.virtman("purge", "--yes")
    assert (status, error) == (0, "")
    assert {row["result"] for row in rows} == {"removed"}
    assert {row["kind"] for row in rows} == {
        "target", "loop", "process", "file",
    }  # fmt: skip
    assert files(full.own, full.data, full.store) == [None] * 3
    assert files(full.theirs) == [full.folder / "other/theirs.raw"]
    listed = full.tgtd.says("--mode", "target", "--op", "show")
    assert OURS not in listed
    assert THEIRS in listed
    assert storage_daemon.running(full.folder / "state" / "cache") == []
    assert len(storage_daemon.running(full.folder / "other")) == 1
    names_left = sorted(f.name for f in full.folder.iterdir())
    assert names_left == ["b.pid", "other", "own.raw", "tgt", "virtman.conf"]
    assert full.virtman("purge", "--yes") == (0, [], "")
    _, rows, _ = full.virtman("check")
    (finding,) = [row for row in rows if row["check"] == "leftovers"]
    assert finding["what"] == "nothing is left over"


def test_with_keep_data_the_writes_stay(full):
    status, rows, error = full.virtman("purge", "--yes", "--keep-data")
    assert (status, error) == (0, "")
    kept = [row["name"] for row in rows if row["result"] == "kept"]
    store = full.folder / "state" / "snapshots" / "vm1.cow"
    assert kept == [str(store)]
    assert store.exists()
    assert files(full.store) == [None]


def test_a_target_that_a_node_reads_is_named_and_nothing_goes(full):
    bind = ("--op", "bind", "--mode", "target", "--tid", "1")
    assert full.tgtd.says(*bind, "--initiator-address", "ALL") is not None
    reader = "iqn.2026-01.lab:reader"
    with tgt_daemon.login(full.tgtd.port, OURS, reader):
        status, rows, error = full.virtman("purge", "--yes")
    assert (status, rows) == (1, [])
    assert f"target {OURS} serves {reader}" in error
    assert None not in files(full.own, full.data, full.store)


def test_nobody_there_to_be_asked_is_no_yes(full):
    status, rows, error = full.virtman("purge")
    assert (status, rows) == (2, [])
    assert f"target {OURS}" in error
    assert "--yes" in error
    assert None not in files(full.own, full.data, full.store)


def test_an_agent_that_runs_is_named_and_nothing_goes(full):
    # Its name is all that tells an agent; this one does nothing.
    script = full.folder / "virtman-server"
    script.write_text("import time\nprint(flush=True)\ntime.sleep(600)\n")
    agent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
    try:
        # Right after its start /proc does not tell its words yet.
        assert agent.stdout.readline() == b"\n"
        assert agent.pid in processes.agents()
        status, rows, error = full.virtman("purge", "--yes")
    finally:
        agent.kill()
        agent.communicate(timeout=DEADLINE)
    assert (status, rows) == (1, [])
    assert str(agent.pid) in error
    assert "systemctl stop virtman-server" in error
    assert None not in files(full.own, full.data, full.store)


def test_the_open_door_of_a_port_is_told_with_its_owner(host):
    file = host.conf
    text = f"{file.read_text()}iscsi_port = {host.tgtd.port}\n"
    file.write_text(text)
    _, rows, _ = host.virtman("check")
    texts = [row["what"] for row in rows if row["check"] == "ports"]
    assert f"iscsi_port {host.tgtd.port} is tgtd's" in texts
