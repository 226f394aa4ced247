# SPDX-License-Identifier: Apache-2.0
"""The command line that user-mode Linux gets, and what it is started with."""

import os
import pathlib
import subprocess
from types import SimpleNamespace

import pytest

from lab import tools, usermode
from lab.errors import NodeDown
from lab.machine import Machine
from lab.network import Network
from lab.spec import NodeSpec


@pytest.fixture
def machine(tmp_path):
    spec = NodeSpec("a", memory=512, machine="uml")
    share = tmp_path / "share"
    (share / ".lab/ready").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    return Machine(spec, 12, tmp_path / "a", share, Network("lab-none"))


@pytest.fixture
def started(monkeypatch):
    """What was to be started, and an exit code for it."""
    seen = SimpleNamespace(code=0)

    def run(argv, **how):
        seen.argv, seen.how = argv, how
        seen.open = [os.fstat(number) for number in how["pass_fds"]]
        return SimpleNamespace(returncode=seen.code)

    monkeypatch.setattr(tools, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(subprocess, "run", run)
    return seen


def descriptors():
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


def test_a_kernel_is_a_process_in_the_network_of_the_cluster(machine, started):
    machine.start(usermode.UserMode())
    assert started.argv[:2] == ["setsid", "--fork"]
    assert "--net=/run/netns/lab-none" in started.argv
    words = started.argv[started.argv.index("/usr/bin/linux.uml") :]
    assert machine.mark in words
    assert "mem=512M" in words
    assert f"ubd0={machine.disk}" in words
    wire = next(word for word in words if word.startswith("vec0:"))
    assert "ifname=tap12," in wire
    assert wire.endswith("mac=52:54:00:77:00:0c")


def test_the_hosts_root_can_only_be_read(machine, started):
    machine.start(usermode.UserMode())
    assert {"rootfstype=hostfs", "rootflags=/", "ro"} <= set(started.argv)


def test_the_kernel_of_another_root_runs_in_it(machine, started, tmp_path):
    (tmp_path / "root/usr/bin").mkdir(parents=True)
    (tmp_path / "root/usr/bin/linux.uml").touch()
    root = str(tmp_path / "root")
    machine.spec = NodeSpec("a", machine="uml", root=root)
    machine.start(usermode.UserMode())
    enter = started.argv.index("unshare")
    program = started.argv.index("/usr/bin/linux.uml")
    assert root in started.argv[enter:program]
    assert machine.mark in started.argv[program:]


def test_a_root_without_the_kernel_is_named(machine, started):
    machine.spec = NodeSpec("a", machine="uml", root="/none")
    with pytest.raises(NodeDown, match=r"user-mode-linux \(in /none\)"):
        machine.start(usermode.UserMode())


def test_the_bell_is_open_in_the_node_and_nowhere_else(machine, started):
    before = descriptors()
    machine.start(usermode.UserMode())
    (number,) = started.how["pass_fds"]
    assert f"ssl1=fd:{number},null" in started.argv
    assert len(started.open) == 1
    assert descriptors() == before
    assert (machine.folder / usermode.BELL).is_fifo()


def test_a_refusal_is_told_with_what_the_console_said(machine, started):
    started.code = 1
    machine.console.write_text("no memory\n")
    with pytest.raises(NodeDown, match="no memory"):
        machine.start(usermode.UserMode())


def test_a_missing_kernel_is_named_with_its_package(machine, monkeypatch):
    monkeypatch.setattr(tools, "which", lambda tool: None)
    with pytest.raises(NodeDown, match="install user-mode-linux"):
        machine.start(usermode.UserMode())


@pytest.fixture
def probed(monkeypatch):
    """What a kernel that is tried says, and how it was started."""
    seen = SimpleNamespace(said="")

    def run(argv, **how):
        seen.argv, seen.how = argv, how
        return SimpleNamespace(stdout=seen.said.encode(), stderr=b"")

    monkeypatch.setattr(tools, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_kernel_works_whose_program_came_to_its_end(probed):
    probed.said = "Run /init as init process\nlab: alive\nSystem halted\n"
    assert usermode.trouble(None) is None


def test_a_kernel_that_only_began_its_first_program_does_not_work(probed):
    probed.said = "Run /init as init process\n"
    assert "Run /init" in usermode.trouble(None)


def test_a_cpu_with_too_large_an_xstate_is_told_with_the_remedy(probed):
    probed.said = (
        "Run /init as init process\n"
        "userspace - ptrace set fp regs failed, errno = 14\n"
        "Kernel panic - not syncing: Attempted to kill init!\n"
    )
    told = usermode.trouble(None)
    assert "xstate" in told
    assert "apt-get install gcc" in told


def test_the_kernel_is_tried_with_the_preload(probed, monkeypatch):
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    preload = pathlib.Path("/somewhere/xstate.so")
    usermode.trouble(preload)
    assert probed.how["env"]["LD_PRELOAD"] == str(preload)
    usermode.trouble(None)
    assert "LD_PRELOAD" not in probed.how["env"]


def test_a_node_is_started_with_the_preload(machine, started):
    preload = pathlib.Path("/somewhere/xstate.so")
    machine.start(usermode.UserMode(preload))
    assert started.how["env"]["LD_PRELOAD"] == str(preload)


def test_a_kernel_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(tools, "which", lambda tool: None)
    assert "install user-mode-linux" in usermode.trouble(None)


def test_a_kernel_that_hangs_does_not_work(monkeypatch):
    def hang(argv, *, timeout, **_):
        raise subprocess.TimeoutExpired(argv, timeout)

    monkeypatch.setattr(tools, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(subprocess, "run", hang)
    assert "no program ended" in usermode.trouble(None)
