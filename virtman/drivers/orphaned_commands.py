# SPDX-License-Identifier: Apache-2.0
"""Waits for commands and helpers that a killed agent has left running."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from virtman import sysfs, waiting
from virtman.drivers import nbd, processes

LOG = logging.getLogger(__name__)

_PROC = Path("/proc")
_INIT = "1"
# The programs that the agent runs and waits for.  The storage daemon is not
# among them: it stays, and is found by its files.  An nbd-client with a
# connection stays, too.
_COMMANDS = {
    "dmsetup", "losetup", "blockdev", "tgtadm", "iscsiadm", "nbd-client",
    "qemu-img", "nbdinfo", "flashcache_create", "flashcache_destroy",
}  # fmt: skip
# Seconds that a command of a killed agent may take to its end.
_PATIENCE = 30.0


def wait_for_commands() -> None:
    """Wait until no command of a killed agent runs any more.

    Such commands run on without their agent, and would change the host under
    this one.  Their parent is process 1 then.
    """
    _wait(_commands)


def wait_for_helpers() -> None:
    """Wait until the privsep helpers of an earlier agent have ended.

    A helper ends with its agent, once the commands that it runs have ended.
    To be called before this agent has helpers of its own.
    """
    _wait(lambda: (f"privsep-helper ({pid})" for pid in processes.helpers()))


def _wait(running: Callable[[], Iterable[str]]) -> None:
    if not waiting.until(lambda: not list(running()), _PATIENCE):
        LOG.warning(
            "commands of an earlier agent are still running: %s",
            ", ".join(running()),
        )


def _commands() -> Iterator[str]:
    kept = nbd.keepers()
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        # proc(5): pid (comm) state ppid ...; comm may hold anything.
        head, _, rest = (sysfs.read(folder / "stat") or "").rpartition(")")
        name, fields = head.partition("(")[2], rest.split()
        if int(folder.name) in kept:
            continue
        if name in _COMMANDS and fields[1:2] == [_INIT] and fields[0] != "Z":
            yield f"{name} ({folder.name})"
