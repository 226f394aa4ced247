# SPDX-License-Identifier: Apache-2.0
"""One node for its user: commands and files, power, wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab import diagnosis, spec
from lab.errors import NodeDown
from lab.machine import Boot, Machine
from lab.shell import Shell
from lab.waiting import pauses


class Node(Shell):
    """A machine of the cluster; commands and files are Shell's."""

    def __init__(self, machine: Machine, boot: Callable[[], Boot]) -> None:
        super().__init__(machine)
        self.address = spec.address(machine.position)
        self._boot = boot

    def running(self) -> bool:
        """Tell whether the node has power."""
        return self.machine.pid() is not None

    def ready(self) -> bool:
        """Tell whether the node is up; NodeDown if it has no power."""
        if self.machine.ready.exists():
            return True
        if not self.running():
            raise NodeDown(self.last_words("lost its power"))
        return False

    def power_off_hard(self) -> None:
        """Cut the node's power, like a pulled cord; the disk stays."""
        self.machine.kill()

    def power_on(self, *, timeout: float = 120) -> None:
        """Start the node with the same disk and wait until it is up.

        Raises NodeDown, with the console's last lines, if it does not come up.
        """
        if not self.running():
            self.start_machine()
        if not any(self.ready() for _ in pauses(timeout)):
            raise NodeDown(self.last_words(f"is not up in {timeout} s"))

    def start_machine(self) -> None:
        """Give the node power, without a wait until it is up."""
        self.machine.start(self._boot())

    def last_words(self, state: str) -> str:
        """Return why the node is down, with the end of its console.

        The reason is ``state``, unless the console has one.
        """
        tail = self.machine.console_tail()
        # A kernel that panics prints up to twice as much after its reason.
        why = diagnosis.cause(self.machine.console_tail(100))
        became = f"stopped: {why}" if why else state
        return f"node {self.name} {became}; its console:\n{tail}"

    def cut_link(self) -> None:
        """Pull the node's cable: no packet reaches or leaves the node."""
        self.machine.network.set_link(self.machine.tap, up=False)

    def restore_link(self) -> None:
        """Plug the node's cable in again."""
        self.machine.network.set_link(self.machine.tap, up=True)

    def linked(self) -> bool:
        """Tell whether the node's cable is in."""
        return self.machine.network.link_is_up(self.machine.tap)

    def limit(self, rate_mbit: float | None) -> None:
        """Limit the node's cable to ``rate_mbit`` each way; None lifts it."""
        self.machine.network.limit(self.machine.tap, rate_mbit)

    def sent_bytes(self) -> int:
        """Return the bytes that the node has put on the wire."""
        # What the tap receives is what the node sent.
        return self.machine.network.counted(self.machine.tap, "rx")

    def received_bytes(self) -> int:
        """Return the bytes that the wire has brought to the node."""
        return self.machine.network.counted(self.machine.tap, "tx")

    @property
    def console(self) -> Path:
        """Return the file into which the node's console is written."""
        return self.machine.console

    def leftovers(self) -> list[dict[str, str]]:
        """Return the kind and the name of each leftover in the node."""
        output = self.run(["/bin/sh", "/share/.lab/leftovers"]).stdout
        pairs = (line.split("\t", 1) for line in output.splitlines())
        return [{"kind": kind, "name": name} for kind, name in pairs]

    def refresh(self) -> None:
        """Let the node see changes in the host's files.

        A node caches the files that it has read of the host's / for good.
        """
        script = "echo 2 >/proc/sys/vm/drop_caches"
        self.run(["sh", "-c", script])
