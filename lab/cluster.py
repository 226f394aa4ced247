# SPDX-License-Identifier: Apache-2.0
"""A cluster of emulated machines on one private network.

    with Cluster(Path("build/lab/demo"), ["a", "b"]) as cluster:
        cluster.node("a").run(["uname", "-r"])

The state of a cluster is in its folder, in the names of its parts and in the
kernel.  So another process can go on with the same cluster, or clear away
what a killed process left.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import (
    accelerator,
    initramfs,
    processes,
    report,
    share,
    spec,
    tools,
    xstate,
)
from lab.errors import LabError, NodeDown, WrongState
from lab.lockfile import locked
from lab.machine import Boot, Machine
from lab.network import Network
from lab.node import Node
from lab.qemu import Qemu
from lab.spec import NodeSpec
from lab.usermode import UserMode
from lab.waiting import pauses

CHECKOUT = spec.CHECKOUT
_BRIDGE_POSITION = 254


def _quiet(_: str) -> None:
    pass


class Cluster:
    """The machines whose state is in ``directory``.

    Without ``nodes`` it is the cluster that is up in that folder.  ``say`` is
    called with each line of progress.
    """

    def __init__(
        self,
        directory: Path,
        nodes: Sequence[NodeSpec | str] = (),
        *,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        self.directory = directory.resolve()
        self.share = self.directory / "share"
        self.say = say
        digest = zlib.crc32(bytes(self.directory))
        self.name = f"lab-{self.directory.name}-{digest:08x}"
        self.network = Network(self.name)
        self._state = self.directory / "cluster.json"
        self.specs = spec.make(nodes) if nodes else spec.load(self._state)
        self.nodes = {node.name: node for node in self._nodes()}

    def _nodes(self) -> Iterator[Node]:
        for position, node in enumerate(self.specs, 1):
            folder = self.directory / node.name
            machine = Machine(node, position, folder, self.share, self.network)
            yield Node(machine, self._boot(node))

    def _boot(self, node: NodeSpec) -> Callable[[], Boot]:
        if node.machine == "uml":
            return self._usermode
        return functools.partial(self._qemu, Path(node.root))

    @property
    def _cache(self) -> Path:
        return self.directory.parent / ".cache"

    def _usermode(self) -> Boot:
        return UserMode(xstate.library(self._cache))

    def _qemu(self, root: Path) -> Boot:
        kernel, ramdisk = initramfs.build(self._cache, root)
        how = accelerator.choose(self._cache, kernel, ramdisk)
        return Qemu(kernel, ramdisk, how)

    def __enter__(self) -> Cluster:
        """Take the cluster up."""
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the cluster down, whatever happened."""
        self.down()

    def node(self, name: str) -> Node:
        """Return the node of a name; raise LabError that lists the nodes."""
        if name not in self.nodes:
            there = ", ".join(self.nodes) or "none, the cluster is down"
            raise LabError(
                f"{self.name} has no node {name!r}; its nodes are: {there}"
            )
        return self.nodes[name]

    def up(self, *, timeout: float = 180) -> None:
        """Boot all nodes and wait until they are up.

        If the same cluster is up already, only nodes without power are
        started.  After any error, Ctrl-C too, a new cluster is taken down.
        Raises MissingTool, WrongState, NodeDown.
        """
        tools.check()
        if not self.specs:
            raise LabError("no nodes are given; give their names or number")
        with self._locked():
            fresh = not self.is_up()
            try:
                if fresh:
                    self._build()
                self._power_all(timeout)
            except BaseException:
                if fresh:
                    self._clear()
                raise

    def down(self) -> None:
        """Take the cluster down; logs stay.  Missing parts are fine."""
        with self._locked():
            self._clear()

    def is_up(self) -> bool:
        """Tell whether the cluster is up; WrongState if with other nodes."""
        if not (self._state.exists() and self.network.exists()):
            return False
        there = spec.load(self._state)
        if there != self.specs:
            names = ", ".join(s.name for s in there)
            raise WrongState(
                f"{self.name} is up with other nodes or sizes ({names}): take "
                "it down first"
            )
        return True

    def _build(self) -> None:
        self._clear()
        share.fill(self.share, self.specs, CHECKOUT)
        self.network.create(spec.address(_BRIDGE_POSITION))
        for node in self.nodes.values():
            shutil.rmtree(node.machine.folder, ignore_errors=True)
            node.machine.prepare()
        spec.save(self._state, self.specs)

    def _power_all(self, timeout: float) -> None:
        begin = time.monotonic()
        off = [node for node in self.nodes.values() if not node.running()]
        self.say(f"{self.name}: {len(off)} of {len(self.nodes)} to boot")
        for node in off:
            node.start_machine()
        missing = list(self.nodes.values())
        for _ in pauses(timeout):
            for node in [node for node in missing if node.ready()]:
                missing.remove(node)
                took = time.monotonic() - begin
                self.say(f"node {node.name}, {node.address}: {took:.1f} s")
            if not missing:
                return
        names = ", ".join(node.name for node in missing)
        last = missing[0].last_words("does not answer")
        raise NodeDown(f"not up in {timeout} s: {names}; {last}")

    def _clear(self) -> None:
        for mark in self.marks():
            processes.kill(mark)
        self.network.delete()
        for pattern in ("*/disk.raw", "*/bell.*"):
            for path in self.directory.glob(pattern):
                path.unlink()
        self._state.unlink(missing_ok=True)

    def marks(self) -> set[str]:
        """Return the marks of this cluster's living processes."""
        return processes.marks(f"guest={self.name}.")

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each node; see lab.report."""
        return report.status(self.nodes.values(), self.network)

    def leftovers(self) -> list[dict[str, str]]:
        """Return the leftovers: where, kind and name of each.

        Of a cluster that is up, the things that its nodes hold; of a cluster
        that is down, its processes, network devices and namespace on the host.
        """
        if self._state.exists():
            return report.in_nodes(self.nodes.values())
        return report.on_host(self.marks(), self.network)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.directory / "lock"))
            except BlockingIOError:
                raise WrongState(
                    f"{self.name}: another command is taking the cluster up "
                    "or down; try again when it has ended"
                ) from None
            yield
