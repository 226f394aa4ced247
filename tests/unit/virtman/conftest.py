# SPDX-License-Identifier: Apache-2.0
"""No test here reaches the host: its tools, its /sys, its devices."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest
from fake_kernel import FakeKernel

from virtman import conf, privsep, sysfs  # fmt: skip
from virtman.doctor import prerequisites
from virtman.drivers import orphaned_commands, processes, storage_daemon
from virtman.image import tree_membership
from virtman.paths import reconciler, rounds
from virtman.privsep import node_record, tgt_socket


def refuse(*args, **_):
    raise AssertionError(f"a unit test would have run {args}")


@pytest.fixture(autouse=True)
def no_host(monkeypatch, tmp_path_factory):
    """Let a test that forgot its fakes fail instead of changing the host."""
    for context in privsep.CONTEXTS:
        monkeypatch.setattr(context, "client_mode", False)
        monkeypatch.setattr(context, "tell", lambda change: None)
    monkeypatch.setattr(privsep.command, "run", refuse)
    for name in ("claimable", "wipe", "signal_process"):
        monkeypatch.setattr(privsep, name, refuse)
    monkeypatch.setattr(tgt_socket, "account", refuse)
    monkeypatch.setattr(node_record, "FOLDERS", ())
    monkeypatch.setattr(sysfs, "SYS", tmp_path_factory.mktemp("sys"))
    proc = tmp_path_factory.mktemp("proc")
    for module, name in (
        (orphaned_commands, "_PROC"), (storage_daemon, "_PROC"),
        (processes, "PROC"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, proc)


@pytest.fixture(autouse=True)
def quiet_root():
    """Take away the handlers that a command gives the root logger.

    They write to the standard error of the test that ran it.
    """
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """A host in memory."""
    host = FakeKernel(tmp_path / "sys")
    host.install(monkeypatch)
    return host


@pytest.fixture
def empty_programs(monkeypatch, tmp_path):
    """Make empty programs the only ones that are found, scsi_id too.

    That one is asked for by its path, which a PATH does not lead to.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    required = [
        dataclasses.replace(item, name=str(folder / Path(item.name).name))
        if "/" in item.name
        else item
        for item in prerequisites.PROGRAMS
    ]

    def make(names):
        for name in names:
            (folder / name).touch(mode=0o755)
        monkeypatch.setattr(prerequisites, "PROGRAMS", tuple(required))
        monkeypatch.setenv("PATH", str(folder))
        return folder

    return make


@pytest.fixture
def settings(tmp_path):
    """Settings read from a file, with folders of the test's own."""

    def read(**options):
        file = tmp_path / "virtman.conf"
        options = {
            "host_ip": "127.0.0.1",
            "rpc_port": 0,
            "admission_port": 0,
            "state_dir": tmp_path / "state",
            "run_dir": tmp_path / "run",
            "image_dirs": tmp_path,
        } | options
        lines = [f"{name} = {value}" for name, value in options.items()]
        file.write_text("\n".join(["[DEFAULT]", *lines, ""]))
        file.chmod(0o600)
        return conf.settings(conf.parse(["--config-file", str(file)]))

    return read


@pytest.fixture
def short_pauses(monkeypatch):
    """Have an agent ask again at once, and not some seconds later."""
    monkeypatch.setattr(reconciler, "_RETRY_FIRST", 0.001)
    monkeypatch.setattr(rounds, "_RETRY_MOST", 0.005)
    monkeypatch.setattr(tree_membership, "_ASK_AGAIN", (0.0, 0.0))


@pytest.fixture
def image(tmp_path):
    """A file that can be served as an image; its path."""
    (tmp_path / "a.img").write_bytes(bytes(4096 * 512))
    return str(tmp_path / "a.img")


@pytest.fixture
def log_in(kernel):
    """Make a session as /sys shows it; give it a disk if there is a vendor."""
    root = sysfs.SYS

    def begin(number, iqn, host, vendor=None, disk="sda"):
        name = f"session{number}"
        device = root / "devices" / f"host{number}" / name
        folder = device / "iscsi_session" / name
        folder.mkdir(parents=True)
        (folder / "targetname").write_text(f"{iqn}\n")
        (folder / "device").symlink_to(device)
        classes = root / "class" / "iscsi_session"
        classes.mkdir(parents=True, exist_ok=True)
        (classes / name).symlink_to(folder)
        connection = (
            root / "class" / "iscsi_connection" / f"connection{number}:0"
        )
        connection.mkdir(parents=True)
        (connection / "persistent_address").write_text(f"{host}\n")
        (connection / "persistent_port").write_text("3260\n")
        if vendor:
            unit = device / f"target{number}:0:0" / f"{number}:0:0:1"
            block = unit / "block" / disk
            block.mkdir(parents=True)
            (unit / "vendor").write_text(f"{vendor:8}\n")
            (block / "device").symlink_to(unit)
            (block / "size").write_text("4096\n")

    return begin
