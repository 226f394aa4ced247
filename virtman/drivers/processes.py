# SPDX-License-Identifier: Apache-2.0
"""Finds processes: agents, programs by name, those that hold a device open.

Read from /proc (``proc(5)``); a process that ends meanwhile is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from virtman import sysfs

PROC = Path("/proc")
_SCRIPT, _MODULE = "virtman-server", "virtman.cmd.server"
# The option of a helper's command line (oslo.privsep), and the beginning of
# the names of the agent's contexts.
_CONTEXT, _OURS = "--privsep_context", "virtman."
# The kernel cuts the name of a process to so many characters.
_COMM = 15


def agents() -> list[int]:
    """Return the process ids of the running agents, of any configuration."""
    return [pid for pid in _all() if _is_agent(_words(pid))]


def helpers() -> list[int]:
    """Return the process ids of the agents' privsep helpers."""
    return [pid for pid in _all() if _is_helper(_words(pid))]


def named(program: str) -> list[int]:
    """Return the process ids of a program, by its name."""
    return [pid for pid in _all() if name(pid) == program[:_COMM]]


def name(pid: int) -> str:
    """Return the name of a process, empty if the process is gone."""
    return sysfs.read(PROC / str(pid) / "comm") or ""


def openers(number: str) -> list[int]:
    """Return the ids of the processes that hold a block device open.

    :param number: ``major:minor``.
    """
    return [
        pid
        for pid in _all()
        if any(_number(file) == number for file, _ in _files(pid, "/dev/"))
    ]


def sockets() -> dict[str, int]:
    """Return the process id of an owner of each socket, by inode."""
    return {
        target[len("socket:[") : -1]: pid
        for pid in _all()
        for _, target in _files(pid, "socket:[")
    }


def _all() -> Iterator[int]:
    yield from sorted(int(e.name) for e in PROC.iterdir() if e.name.isdigit())


def _words(pid: int) -> list[str]:
    return (sysfs.read(PROC / str(pid) / "cmdline") or "").split("\0")


def _is_agent(words: list[str]) -> bool:
    """Tell whether a command line is an agent's.

    A program that only names the agent, such as an editor, is not one.
    """
    first, *rest = (Path(word).name for word in words)
    if first == _SCRIPT:
        return True
    return first.startswith("python") and (
        _SCRIPT in rest[:3] or _MODULE in words[1:4]
    )


def _is_helper(words: list[str]) -> bool:
    """Tell whether a command line is a helper's, by its privsep context."""
    at = words.index(_CONTEXT) + 1 if _CONTEXT in words else len(words)
    return any(word.startswith(_OURS) for word in words[at : at + 1])


def _files(pid: int, kind: str) -> Iterator[tuple[Path, str]]:
    """Yield link and target of the files of a kind that a process has open."""
    try:
        for file in (PROC / str(pid) / "fd").iterdir():
            target = str(file.readlink())
            if target.startswith(kind):
                yield file, target
    except OSError:
        return


def _number(file: Path) -> str:
    try:
        device = file.stat().st_rdev
    except OSError:
        return ""
    return f"{os.major(device)}:{os.minor(device)}"
