# SPDX-License-Identifier: Apache-2.0
"""The commands of the cache engine: qemu-storage-daemon and its files.

CAP_DAC_OVERRIDE
    files and sockets in folders that are the agent's user's alone.  The
    daemon keeps it for as long as it lives, and has no other.

Its source is a device of root's, and so is the process that is signalled:
that takes no capability (no CAP_KILL, either).
"""

from __future__ import annotations

import os

from oslo_privsep import capabilities

from virtman.privsep import command
from virtman.privsep.context import Context

context = Context(
    __name__, "privsep_virtman_storage", [capabilities.CAP_DAC_OVERRIDE]
)


@context.function
def qemu_img(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["qemu-img", *args])


@context.function
def qemu_storage_daemon(*args: str) -> str:
    """Run qemu-storage-daemon(1), which must be told to daemonize."""
    return command.run(["qemu-storage-daemon", *args])


@context.function
def nbdinfo(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["nbdinfo", *args])


@context.function
def signal_process(pid: int, number: int) -> None:
    """Send a signal to a process of root's."""
    os.kill(pid, number)
