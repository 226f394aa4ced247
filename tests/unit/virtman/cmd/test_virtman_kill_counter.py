# SPDX-License-Identifier: Apache-2.0
"""The end of an agent after a number of changes, for tests alone."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from virtman import privsep
from virtman.cmd import kill_points
from virtman.cmd.kill_points import KillPoints

PROGRAM = """
import os, signal
from virtman.cmd import kill_points
made = kill_points.from_environment(os.environ)
made.done("before")
if signal.getsignal(signal.SIGUSR1):
    os.kill(os.getpid(), signal.SIGUSR1)
for number in range(4):
    made.done(f"change {number}")
print("alive")
"""


def run(**environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "last"),
    [
        ({"VIRTMAN_DIE_AFTER": "1"}, "change 0"),
        ({"VIRTMAN_DIE_AFTER": "4"}, "change 3"),
    ],
)
def test_it_dies_after_the_number_of_changes_and_names_the_last(
    environment, last
):
    done = run(**environment)
    assert done.returncode == -signal.SIGKILL
    assert done.stderr == f"died after {last}\n"


@pytest.mark.parametrize("number", ["5", "0", "", "x"])
def test_it_lives_when_there_are_fewer_changes(number):
    assert run(VIRTMAN_DIE_AFTER=number).stdout == "alive\n"


def test_without_the_variable_there_is_nothing_that_could_die():
    assert type(kill_points.from_environment({})) is KillPoints


def test_each_command_that_changes_something_is_told_of(kernel):
    changes = []
    privsep.observe(changes.append)
    privsep.dmsetup("create", "x", table="0 8 zero\n")
    privsep.dmsetup("table", "x")
    privsep.tgtadm("--mode", "target", "--op", "show")
    privsep.losetup("--find")
    privsep.iscsiadm("-m", "discovery", "-t", "sendtargets")
    privsep.modprobe("loop")
    privsep.dmsetup("remove", "x")
    assert changes == ["dmsetup create x", "dmsetup remove x"]
