# SPDX-License-Identifier: Apache-2.0
"""A node finds in the share all it must know; its scripts are sound."""

import os
import shutil
import subprocess

import pytest

from lab import initramfs
from lab.share import fill
from lab.spec import NodeSpec

SCRIPTS = sorted(path.name for path in initramfs.GUEST.iterdir())


def test_a_node_reads_its_settings_as_shell(tmp_path):
    checkout = tmp_path / "it's a path"
    share = tmp_path / "share"
    other = NodeSpec("b", udev=False, root="/my roots/trixie")
    fill(share, [NodeSpec("a"), other], checkout)
    script = '. "$0"; echo "$NAME|$ADDRESS|$UDEV|$CHECKOUT|$ROOT"'
    done = subprocess.run(
        ["sh", "-c", script, share / ".lab/nodes/b"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"b|10.77.0.2|0|{checkout}|/my roots/trixie\n"


def test_all_nodes_are_known_by_name(tmp_path):
    fill(tmp_path / "share", [NodeSpec("a"), NodeSpec("b")], tmp_path)
    hosts = (tmp_path / "share/.lab/hosts").read_text().splitlines()
    assert hosts == ["127.0.0.1 localhost", "10.77.0.1 a", "10.77.0.2 b"]


def test_nothing_of_an_earlier_cluster_stays(tmp_path):
    old = tmp_path / "share/.lab/ready/a"
    old.parent.mkdir(parents=True)
    old.touch()
    fill(tmp_path / "share", [NodeSpec("a")], tmp_path)
    assert not old.exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_guest_script_is_executable_shell(script):
    path = initramfs.GUEST / script
    assert os.access(path, os.X_OK)
    assert subprocess.run(["sh", "-n", path]).returncode == 0


def test_leftovers_name_a_process_by_its_program(tmp_path):
    program = tmp_path / "virtman-server"
    shutil.copy(str(shutil.which("sleep")), program)
    script = initramfs.GUEST / "leftovers"
    line = "process\tvirtman-server"

    def found():
        done = subprocess.run(["sh", script], capture_output=True, text=True)
        return done.stdout.splitlines().count(line)

    before = found()
    with subprocess.Popen([program, "60"]) as process:
        assert found() == before + 1
        process.kill()
    assert found() == before
