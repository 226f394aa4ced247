# SPDX-License-Identifier: Apache-2.0
"""Boot a VM inside a node and wait for the marker on its console.

An emulated machine in an emulated machine: slow, and as real as it gets
without two hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.node import Node

MARKER = "VMTHUNDER-GUEST-UP"
# What the BIOS sends to a terminal (ECMA-48 sequences, other controls).
_CONTROL = re.compile(r"\x1b(\[[0-9;?=]*[A-Za-z]|.)|[\x00-\x09\x0b-\x1f]")


class GuestVM:
    """A VM on a node that uses one block device as its only disk."""

    def __init__(self, node: Node, name: str, device: str) -> None:
        self._node = node
        self._console = node.log(f"{name}.console")
        self._process = node.start(
            [
                "qemu-system-x86_64",
                "-accel", "tcg,tb-size=128",
                "-m", "256",
                "-nographic", "-nodefaults", "-no-reboot",
                "-serial", "stdio",
                "-drive", f"file={device},format=raw,if=virtio,cache=none,"
                "aio=native",
            ],
            log=self._console.name,
        )  # fmt: skip

    def wait_booted(self, timeout: float, say: Callable[[str], None]) -> bool:
        """Wait for the marker on the console; return whether it came."""

        def over() -> str:
            if MARKER in self.console():
                return "up"
            return "ended" if self._process.poll() is not None else ""

        try:
            how = self._node.wait_until(over, timeout=timeout, goal=MARKER)
        except TimeoutError:
            how = "silent"
        if how != "up":
            say(f"the VM {how}; its console:\n{self.console()[-1500:]}")
        return bool(how == "up")

    def console(self) -> str:
        """Return what the VM has printed so far."""
        try:
            return self._console.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def last_line(self) -> str:
        """Return the console's last line with something on it."""
        return next((line for line in reversed(self._lines()) if line), "")

    def marked_line(self) -> str:
        """Return the line with the marker, which the kernel's name ends."""
        marked = (line for line in self._lines() if MARKER in line)
        return next(marked, self.last_line())

    def _lines(self) -> list[str]:
        text = _CONTROL.sub("", self.console())
        return [line.strip() for line in text.splitlines()]

    def stop(self) -> None:
        """Kill the VM, like a pulled power cord."""
        self._process.kill()
        self._process.wait(30)
