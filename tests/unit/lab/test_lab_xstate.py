# SPDX-License-Identifier: Apache-2.0
"""The preload for large xstates: built once, and true to what it is given."""

import ctypes
import os
import subprocess
import sys

import pytest

from lab import cli, tools, xstate
from lab.errors import ToolFailed

# Hand all but 64 bytes of its xstate back to a stopped child, as user-mode
# Linux does on a CPU that has more, then let the child go on.
_PROBE = """
import ctypes, os, signal, sys
PTRACE_TRACEME, PTRACE_CONT, GET, SET, XSTATE = 0, 7, 0x4204, 0x4205, 0x202
class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
call = ctypes.CDLL(None, use_errno=True).ptrace
call.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
child = os.fork()
if not child:
    call(PTRACE_TRACEME, 0, None, None)
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(7)
os.waitpid(child, 0)
room = ctypes.create_string_buffer(65536)
whole = Iovec(ctypes.addressof(room), 65536)
assert call(GET, child, XSTATE, ctypes.addressof(whole)) == 0
head = Iovec(ctypes.addressof(room), whole.size - 64)
code = call(SET, child, XSTATE, ctypes.addressof(head))
print(code)
call(PTRACE_CONT, child, None, None)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def _probe(**more):
    done = subprocess.run(
        [sys.executable, "-c", _PROBE],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **more},
        check=True,
    )
    return done.stdout.split()


def test_the_kernel_refuses_a_part_of_an_xstate():
    assert _probe() == ["-1", "7"]


def test_with_the_preload_a_part_is_laid_over_the_whole(tmp_path):
    made = xstate.library(tmp_path)
    assert _probe(LD_PRELOAD=str(made)) == ["0", "7"]


def test_it_is_built_once(tmp_path, monkeypatch):
    made = xstate.library(tmp_path)
    assert ctypes.CDLL(str(made)).ptrace
    monkeypatch.setattr(tools, "run", lambda *_: pytest.fail("built again"))
    assert xstate.library(tmp_path) == made
    assert list(tmp_path.iterdir()) == [made]


def test_without_a_compiler_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "which", lambda tool: None)
    assert xstate.library(tmp_path) is None


def test_building_it_ahead_names_a_missing_compiler(monkeypatch, capsys):
    monkeypatch.setattr(tools, "which", lambda tool: None)
    assert cli.main(["prepare"]) == 1
    assert "apt-get install gcc" in capsys.readouterr().err


def test_a_compiler_that_fails_is_told_with_its_words(tmp_path, monkeypatch):
    source = tmp_path / "broken.c"
    source.write_text("no C at all\n")
    monkeypatch.setattr(xstate, "SOURCE", source)
    monkeypatch.setattr(tools, "which", lambda tool: f"/usr/bin/{tool}")
    with pytest.raises(ToolFailed, match="error"):
        xstate.library(tmp_path / "cache")
