# SPDX-License-Identifier: Apache-2.0
"""One node as its user sees it: commands and files, power, wire."""

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
        """Tell whether the node is up; NodeDown if it never will be."""
        if self.machine.ready.exists():
            return True
        if not self.running():
            raise NodeDown(self.last_words("lost its power"))
        return False

    def power_off_hard(self) -> None:
        """Cut the power, as a torn-out cord does; the disk stays."""
        self.machine.kill()

    def power_on(self, *, timeout: float = 120) -> None:
        """Start again with the same disk and wait until it is up.

        Raises NodeDown, with the console's last lines, if it does not come.
        """
        if not self.running():
            self.start_machine()
        if not any(self.ready() for _ in pauses(timeout)):
            raise NodeDown(self.last_words(f"is not up in {timeout} s"))

    def start_machine(self) -> None:
        """Give it power; it takes a while from there until it is up."""
        self.machine.start(self._boot())

    def last_words(self, state: str) -> str:
        """Return what became of the node: ``state``, unless its console says.

        With the end of that console.
        """
        tail = self.machine.console_tail()
        # A kernel that panics prints up to twice as much after its reason.
        why = diagnosis.cause(self.machine.console_tail(100))
        became = f"stopped: {why}" if why else state
        return f"node {self.name} {became}; its console:\n{tail}"

    def cut_link(self) -> None:
        """Pull the cable: nothing reaches the node, nothing leaves it."""
        self.machine.network.set_link(self.machine.tap, up=False)

    def restore_link(self) -> None:
        """Plug the cable in again."""
        self.machine.network.set_link(self.machine.tap, up=True)

    def linked(self) -> bool:
        """Tell whether the cable is in."""
        return self.machine.network.link_is_up(self.machine.tap)

    def limit(self, rate_mbit: float | None) -> None:
        """Let so many Mbit/s through the cable each way; None: no limit."""
        self.machine.network.limit(self.machine.tap, rate_mbit)

    def sent_bytes(self) -> int:
        """Return how many bytes the node has put on the wire."""
        # What the tap receives is what the node sent.
        return self.machine.network.counted(self.machine.tap, "rx")

    def received_bytes(self) -> int:
        """Return how many bytes the wire has brought to the node."""
        return self.machine.network.counted(self.machine.tap, "tx")

    @property
    def console(self) -> Path:
        """Return the file into which the node's console is written."""
        return self.machine.console

    def leftovers(self) -> list[dict[str, str]]:
        """Return the kind and the name of each thing left in the node."""
        told = self.run(["/bin/sh", "/share/.lab/leftovers"]).stdout
        pairs = (line.split("\t", 1) for line in told.splitlines())
        return [{"kind": kind, "name": name} for kind, name in pairs]

    def refresh(self) -> None:
        """Let the node see what has changed in the host's files.

        A node keeps what it has read of the host's / and does not ask again.
        """
        script = "echo 2 >/proc/sys/vm/drop_caches"
        self.run(["sh", "-c", script])
