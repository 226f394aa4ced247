# SPDX-License-Identifier: Apache-2.0
"""Commands: an argument list, a deadline, and all that was said on failure."""

from __future__ import annotations

import functools
import importlib
import inspect
import pathlib
import signal
import subprocess
import sys

import pytest

from virtman import privsep
from virtman.exception import CommandError, RollbackError

PYTHON = sys.executable


@pytest.fixture
def run():
    """The real function, which the guard of these tests has replaced."""
    return fresh("command").run


def fresh(name):
    """Return a module as it is without that guard."""
    spec = importlib.util.find_spec(f"virtman.privsep.{name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def devices():
    """The functions for block devices, executed here."""
    module = fresh("devices")
    module.context.run_in_process()
    return module


def test_a_command_gives_what_it_printed(run):
    assert run([PYTHON, "-c", "print('a')"]) == "a\n"


def test_a_command_is_given_its_input(run):
    code = "import sys; print(sys.stdin.read().upper())"
    assert run([PYTHON, "-c", code], "0 8 linear") == "0 8 LINEAR\n"


@pytest.mark.parametrize("text", ["0 8 zero\n", "x" * 1_000_000])
def test_all_that_a_command_reads_is_there_before_it_starts(run, text):
    """Who gives it may be killed: a part must not be taken for the whole."""
    look = ["stat", "-L", "--format", "%F %s", "/proc/self/fd/0"]
    assert run(look, text) == f"regular file {len(text)}\n"


def test_a_command_without_input_does_not_wait_for_any(run):
    code = "import sys; print(repr(sys.stdin.read()))"
    assert run([PYTHON, "-c", code]) == "''\n"


def test_words_reach_the_command_as_they_are(run):
    odd = "$(reboot); `reboot` 'a\" \n*"
    code = "import sys; print(sys.argv[1], end='')"
    assert run([PYTHON, "-c", code, odd]) == odd


def test_a_command_speaks_the_c_locale(run, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    code = "import os; print(os.environ['LC_ALL'])"
    assert run([PYTHON, "-c", code]) == "C\n"


def test_bytes_that_are_no_text_do_no_harm(run):
    code = "import sys; sys.stdout.buffer.write(b'a\\xff')"
    assert run([PYTHON, "-c", code]) == "a\ufffd"


def test_a_failure_keeps_command_code_and_both_outputs(run):
    code = "import sys; print('out'); print('err', file=sys.stderr); exit(3)"
    argv = [PYTHON, "-c", code]
    with pytest.raises(CommandError) as failed:
        run(argv)
    error = failed.value
    assert (error.argv, error.code) == (argv, 3)
    assert (error.out, error.err) == ("out\n", "err\n")
    assert str(error).endswith(": exit 3: err / out")
    assert PYTHON in str(error)


def test_a_program_that_is_not_there_is_named(run):
    with pytest.raises(CommandError) as failed:
        run(["no-such-program-at-all", "x"])
    assert failed.value.code == 127
    assert "no-such-program-at-all x: exit 127: " in str(failed.value)


def test_a_command_that_hangs_is_ended_at_the_deadline(run, monkeypatch):
    monkeypatch.setitem(run.__globals__, "DEADLINE", 0.05)
    with pytest.raises(CommandError, match=r"timed out: no end in 0\.05 s"):
        run([PYTHON, "-c", "import threading; threading.Event().wait()"])


def test_a_command_that_hangs_is_reported_with_what_it_said(run):
    # No Python: it must have spoken before the deadline.
    argv = ["sh", "-c", "echo half; echo why >&2; exec sleep 60"]
    with pytest.raises(CommandError) as failed:
        run(argv, deadline=1.0)
    error = failed.value
    assert (error.argv, error.code) == (argv, None)
    assert (error.out, error.err) == ("half\n", "no end in 1.0 s\nwhy\n")


def test_a_command_may_have_a_deadline_of_its_own(run):
    with pytest.raises(CommandError, match=r"timed out: no end in 0\.05 s"):
        run([PYTHON, "-c", "import threading; threading.Event().wait()"],
            deadline=0.05)  # fmt: skip


def test_a_failure_without_a_word_says_so():
    assert str(CommandError(["a", "b"], 1, " ", "\n")) == (
        "a b: exit 1: no output"
    )


def test_an_error_survives_the_way_from_the_helper():
    error = CommandError(["dmsetup", "table"], 1, "out", "err")
    again = CommandError(*error.args)
    assert (again.argv, again.code, again.out, again.err) == (
        error.argv, 1, "out", "err",
    )  # fmt: skip
    assert str(again) == str(error)


def test_a_failed_rollback_names_both_failures():
    error = RollbackError(ValueError("first"), OSError("second"))
    assert str(error) == (
        "first; taking back what was built failed too: second"
    )


def verbs():
    """Return every function that runs with privileges."""
    return [
        value
        for value in vars(privsep).values()
        if isinstance(value, functools.partial)
    ]


def test_no_function_takes_the_program_to_run():
    assert len(verbs()) > 10
    for verb in verbs():
        parameters = inspect.signature(verb.args[0]).parameters
        assert not {"argv", "command", "program"} & set(parameters)


@pytest.mark.parametrize(
    ("verb", "program"),
    [("dmsetup", "dmsetup"), ("losetup", "losetup"), ("tgtadm", "tgtadm"),
     ("iscsiadm", "iscsiadm"), ("nbd_client", "nbd-client"),
     ("nbdinfo", "nbdinfo"), ("partx", "partx"), ("qemu_img", "qemu-img"),
     ("qemu_storage_daemon", "qemu-storage-daemon"),
     ("blockdev", "blockdev"), ("modprobe", "modprobe"),
     ("udevadm", "udevadm")],
)  # fmt: skip
def test_a_function_runs_the_program_of_its_name(kernel, verb, program):
    kernel.tools.clear()
    getattr(privsep, verb)("--version")
    ((argv),) = kernel.calls
    assert (argv[0], argv[-1]) == (program, "--version")


def test_a_wipe_clears_the_beginning_and_nothing_else(devices, tmp_path):
    file = tmp_path / "store"
    file.write_bytes(b"x" * 2048)
    devices.wipe(str(file), 512)
    assert file.read_bytes() == bytes(512) + b"x" * 1536


def test_what_cannot_be_claimed_tells_why(devices, tmp_path):
    missing = devices.claimable(str(tmp_path / "none"))
    assert missing == "No such file or directory"
    (tmp_path / "file").touch()
    assert devices.claimable(str(tmp_path / "file")) is None


def test_a_helper_gives_up_what_a_program_of_root_would_get_back():
    """In a process of its own: there is no way back."""
    code = (
        "from virtman.privsep import host\n"
        "host.context.set_client_mode(False)\n"
        "print(open('/proc/self/status').read())"
    )
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", code], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    status = dict(
        line.split(":\t", 1) for line in done.stdout.splitlines() if line
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Umask"] == "0022"
    assert int(status["SigIgn"], 16) >> (signal.SIGINT - 1) & 1


def test_an_agent_of_roots_gives_nothing_up(devices):
    assert devices.context.client_mode is False
    status = pathlib.Path("/proc/self/status").read_text()
    assert "NoNewPrivs:\t0\n" in status


def test_every_function_runs_in_the_context_of_its_module():
    for verb in verbs():
        module = sys.modules[verb.args[0].__module__]
        assert module.context in privsep.CONTEXTS
        assert module.context.is_entrypoint(verb)


def test_a_helper_finds_each_context_by_its_name():
    for context in privsep.CONTEXTS:
        module, _, name = context.pypath.rpartition(".")
        assert getattr(importlib.import_module(module), name) is context


def test_a_program_that_hangs_keeps_no_other_from_running():
    for context in privsep.CONTEXTS:
        assert context.conf.thread_pool_size == 32
