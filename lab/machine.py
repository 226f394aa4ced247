# SPDX-License-Identifier: Apache-2.0
"""One node on the host: its disk, its tap, its start and its end."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lab import processes, tools
from lab.errors import NodeDown, ToolFailed
from lab.network import Network
from lab.spec import NodeSpec


class Boot(Protocol):
    """A way to run a kernel: see ``lab.qemu`` and ``lab.usermode``."""

    def start(self, machine: Machine) -> None:
        """Start a machine in the background; raise ToolFailed on failure."""


class Machine:
    """One node; ``position`` from 1 makes its tap and hardware address."""

    def __init__(
        self,
        spec: NodeSpec,
        position: int,
        folder: Path,
        share: Path,
        network: Network,
    ) -> None:
        self.spec, self.position = spec, position
        self.folder, self.share, self.network = folder, share, network
        self.tap = f"tap{position}"
        self.mark = f"guest={network.namespace}.{spec.name}"
        self.disk = folder / "disk.raw"
        self.console = folder / "console.log"
        self._pid: int | None = None

    def prepare(self) -> None:
        """Make the node's disk, with an empty file system, and its tap."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.disk.open("wb") as file:
            file.truncate(self.spec.disk << 20)
        label = ["-L", "virtman", "-E", "lazy_itable_init=1,nodiscard"]
        tools.run(["mkfs.ext4", "-q", "-F", *label, str(self.disk)])
        self.network.add_tap(self.tap)

    def pid(self) -> int | None:
        """Return the id of the node's first process, None without power."""
        if self._pid is None or not processes.carries(self._pid, self.mark):
            self._pid = processes.first(self.mark)
        return self._pid

    @property
    def hardware_address(self) -> str:
        """Return the hardware address of the node's network card."""
        return f"52:54:00:77:00:{self.position:02x}"

    @property
    def ready(self) -> Path:
        """Return the file that the node makes when it is up."""
        return self.share / ".lab" / "ready" / self.spec.name

    def start(self, boot: Boot) -> None:
        """Start the node; raise NodeDown with the reason on failure."""
        self.ready.unlink(missing_ok=True)
        try:
            boot.start(self)
        except ToolFailed as error:
            raise NodeDown(
                f"node {self.spec.name} does not start: {error.output}"
            ) from error

    def kill(self) -> None:
        """Cut the node's power: end its processes and wait for their end."""
        processes.kill(self.mark)

    def console_tail(self, lines: int = 30) -> str:
        """Return the last lines of the node's console."""
        if not self.console.exists():
            return ""
        text = self.console.read_bytes().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
