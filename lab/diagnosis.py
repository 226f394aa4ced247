# SPDX-License-Identifier: Apache-2.0
"""Read from a node's console why its kernel stopped."""

from __future__ import annotations

import re

from lab import xstate

_XSTATE = "ptrace set fp regs failed"
_PANIC = re.compile(r"Kernel panic - not syncing: (?P<why>[^\r\n]+)")


def cause(console: str) -> str | None:
    """Return why the kernel of a console stopped, None if it does not say.

    The first message of user-mode Linux 6.1 is from ``userspace`` in
    arch/um/os-Linux/skas/process.c.
    """
    if _XSTATE in console:
        return (
            "this CPU's xstate is larger than user-mode Linux before 6.13 "
            f"can set, and the lab's preload is not there: {xstate.REMEDY}"
        )
    panic = _PANIC.search(console)
    return f"its kernel panicked: {panic['why']}" if panic else None
