# SPDX-License-Identifier: Apache-2.0
"""os-brick's commands: the few that there are go through our helpers."""

from __future__ import annotations

import pytest
from oslo_concurrency.processutils import ProcessExecutionError

from virtman import privsep
from virtman.drivers.brick.execute import execute
from virtman.exception import CommandError, LayerError

SCAN = "/sys/class/scsi_host/host2/scan"


def fails(kernel, code):
    def iscsiadm(args, _):
        raise CommandError(args, code, "out", "err")

    kernel.tools["iscsiadm"] = iscsiadm


def test_iscsiadm_is_the_helpers(kernel):
    kernel.tools["iscsiadm"] = lambda args, _: "session 1"
    output = execute("iscsiadm", "-m", "session", run_as_root=True,
                   root_helper="sudo", attempts=3)  # fmt: skip
    assert output == ("session 1", "")
    assert kernel.calls == [("iscsiadm", "-m", "session")]


@pytest.mark.parametrize("fine", [(0, 21), [21], 21, False])
def test_a_code_that_is_expected_is_no_failure(kernel, fine):
    fails(kernel, 21)
    assert execute("iscsiadm", check_exit_code=fine) == ("out", "err")


@pytest.mark.parametrize("fine", [(0, 255), 0, True])
def test_any_other_is_the_error_that_os_brick_knows(kernel, fine):
    fails(kernel, 21)
    with pytest.raises(ProcessExecutionError) as failed:
        execute("iscsiadm", "--login", check_exit_code=fine)
    error = failed.value
    assert (error.exit_code, error.stdout, error.stderr) == (21, "out", "err")
    assert error.cmd == "iscsiadm --login"


def test_what_it_writes_to_a_file_is_written_by_the_helper(monkeypatch):
    scans = []
    monkeypatch.setattr(privsep, "tell_scsi", lambda *args: scans.append(args))
    execute("tee", "-a", SCAN, process_input="0 0 1", run_as_root=True)
    assert scans == [(SCAN, "0 0 1")]


@pytest.mark.parametrize("program", ["sh", "multipath", "cat"])
def test_nothing_else_is_executed(kernel, program):
    with pytest.raises(ProcessExecutionError, match="has no use for"):
        execute(program, "-c", "reboot", run_as_root=True)
    assert kernel.calls == []


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/sys/class/scsi_host/host2/../../x/scan", f"{SCAN}/x",
     "/sys/block/sda/device/delete/", "/sys/block/vda/device/delete"],
)  # fmt: skip
def test_no_other_file_is_written_to(path):
    with pytest.raises(LayerError, match="not for the agent"):
        privsep.tell_scsi(path, "1")
