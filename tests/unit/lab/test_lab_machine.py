# SPDX-License-Identifier: Apache-2.0
"""The command line that QEMU gets, and where a machine's things are."""

import itertools
import uuid
from pathlib import Path

import pytest

from lab import processes, tools
from lab.errors import NodeDown, ToolFailed
from lab.machine import Machine
from lab.network import Network
from lab.qemu import Qemu
from lab.spec import CHECKOUT, NodeSpec

BOOT = Qemu(Path("/k"), Path("/i"), ("-accel", "tcg"))


@pytest.fixture
def machine(tmp_path):
    spec = NodeSpec("a", memory=512, cpus=2)
    network = Network(f"lab-{uuid.uuid4()}")
    return Machine(spec, 12, tmp_path / "a", tmp_path / "share", network)


def words_after(command, option):
    pairs = itertools.pairwise(command)
    return [word for before, word in pairs if before == option]


def test_sizes_kernel_and_accelerator_are_passed_on(machine):
    command = BOOT.command(machine)
    assert words_after(command, "-m") == ["512"]
    assert words_after(command, "-smp") == ["2,maxcpus=2"]
    assert words_after(command, "-kernel") == ["/k"]
    assert words_after(command, "-initrd") == ["/i"]
    assert words_after(command, "-accel") == ["tcg"]
    assert "lab.node=a" in words_after(command, "-append")[0].split()


def test_a_machine_of_one_processor_keeps_its_barriers(machine):
    machine.spec = NodeSpec("a", cpus=1)
    assert words_after(BOOT.command(machine), "-smp") == ["1,maxcpus=2"]


def test_the_mark_is_a_word_of_its_own(machine):
    assert words_after(BOOT.command(machine), "-name") == [machine.mark]
    assert machine.mark == f"guest={machine.network.namespace}.a"


def test_the_hosts_root_can_only_be_read(machine):
    root, share = words_after(BOOT.command(machine), "-virtfs")
    assert ",path=/," in root and "readonly=on" in root
    assert f"path={machine.share}," in share and "readonly" not in share


def test_another_root_comes_with_the_checkout_to_be_read(machine):
    machine.spec = NodeSpec("a", root="/roots/trixie")
    root, _, checkout = words_after(BOOT.command(machine), "-virtfs")
    assert ",path=/roots/trixie," in root and "readonly=on" in root
    assert f",path={CHECKOUT}," in checkout and "readonly=on" in checkout
    assert ",mount_tag=checkout," in checkout


def test_a_comma_in_the_path_is_no_end_of_it(machine, tmp_path):
    machine.share = tmp_path / "a,b"
    _, share = words_after(BOOT.command(machine), "-virtfs")
    assert f"path={tmp_path}/a,,b,mount_tag=share" in share


def test_a_refusal_of_qemu_is_told_in_its_words(machine, monkeypatch):
    def refuse(argv, **_):
        raise ToolFailed(" ".join(argv), 1, "no memory")

    machine.ready.parent.mkdir(parents=True)
    monkeypatch.setattr(tools, "run", refuse)
    with pytest.raises(NodeDown) as caught:
        machine.start(BOOT)
    assert str(caught.value) == "node a does not start: no memory"


def test_every_machine_has_a_tap_and_an_address_of_its_own(machine):
    command = " ".join(BOOT.command(machine))
    assert "ifname=tap12," in command
    assert "mac=52:54:00:77:00:0c," in command


def test_the_tail_of_the_console_is_its_last_lines(machine):
    assert machine.console_tail() == ""
    machine.folder.mkdir()
    machine.console.write_bytes(b"one\ntwo\n\xffthree\n")
    assert machine.console_tail(2) == "two\n\ufffdthree"


def test_the_process_is_looked_for_until_it_is_there(machine, monkeypatch):
    alive = set()
    monkeypatch.setattr(processes, "find", lambda mark: sorted(alive))
    monkeypatch.setattr(processes, "carries", lambda pid, mark: pid in alive)
    assert machine.pid() is None
    alive.add(71)
    assert machine.pid() == 71
    alive.add(70)
    assert machine.pid() == 71, "it is the same one as before"
    alive.remove(71)
    assert machine.pid() == 70
