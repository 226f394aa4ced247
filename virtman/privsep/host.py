# SPDX-License-Identifier: Apache-2.0
"""Prepares a host: kernel modules, and rules of udev.

CAP_SYS_MODULE
    asked for by ``finit_module(2)``; a module that is there already needs
    none.  Nor do udev's control socket and the folder of its rules, which
    are root's.
"""

from __future__ import annotations

from pathlib import Path

from oslo_privsep import capabilities

from virtman.privsep import command
from virtman.privsep.context import Context

context = Context(
    __name__, "privsep_virtman_host", [capabilities.CAP_SYS_MODULE]
)


@context.function
def modprobe(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["modprobe", *args])


@context.function
def udevadm(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["udevadm", *args])


@context.function
def write_udev_rule(path: str, text: str) -> None:
    """Write a rules file whole: udev may read it at any moment."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


@context.function
def remove_udev_rule(path: str) -> None:
    """Remove a rules file."""
    Path(path).unlink(missing_ok=True)
