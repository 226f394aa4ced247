# SPDX-License-Identifier: Apache-2.0
"""A cluster of emulated machines on one private network.

    with Cluster(Path("build/lab/demo"), ["a", "b"]) as cluster:
        cluster.node("a").run(["uname", "-r"])

All that must be known later is in the folder, the names of things and the
kernel, so another process may go on with the same cluster, or clear away
what a killed one left.
"""

import concurrent.futures
import contextlib
import fcntl
import shlex
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import accelerator, initramfs, processes, spec, tools
from lab.errors import ClusterBusy, LabError
from lab.machine import Boot, Machine
from lab.network import Network
from lab.node import Node
from lab.spec import NodeSpec

CHECKOUT = Path(__file__).resolve().parent.parent
_BRIDGE_POSITION = 254


def _quiet(_: str) -> None:
    pass


class Cluster:
    """The machines whose state is in ``directory``.

    Without ``nodes`` it is the cluster that is up there, or was.  ``say`` is
    called with a line of progress now and then.
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
        self.specs = spec.make(nodes) if nodes else self._saved()
        self.nodes = {node.name: node for node in self._nodes()}

    def _saved(self) -> tuple[NodeSpec, ...]:
        with contextlib.suppress(FileNotFoundError):
            return spec.load(self._state)
        return ()

    def _nodes(self) -> Iterator[Node]:
        for position, one in enumerate(self.specs, 1):
            folder = self.directory / one.name
            machine = Machine(one, position, folder, self.share, self.network)
            yield Node(machine, self._boot, CHECKOUT)

    def _boot(self) -> Boot:
        cache = self.directory.parent / ".cache"
        kernel, ramdisk = initramfs.build(cache)
        how = accelerator.choose(cache, kernel, ramdisk)
        return Boot(kernel, ramdisk, how)

    def __enter__(self) -> "Cluster":
        """Take the cluster up."""
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the cluster down, whatever happened."""
        self.down()

    def node(self, name: str) -> Node:
        """Return a node; raise LabError naming those there are."""
        if name not in self.nodes:
            there = ", ".join(self.nodes) or "none: the cluster is not up"
            raise LabError(f"no node {name!r} in {self.name}; there: {there}")
        return self.nodes[name]

    def up(self, *, timeout: float = 180) -> None:
        """Boot all nodes and wait until they answer.

        Is the very same cluster up already, only nodes without power are
        started.  Whatever goes wrong, Ctrl-C too, takes all of it down.
        """
        tools.check()
        if not self.specs:
            raise LabError("which nodes? give their names or number")
        with self._locked():
            if self._is_up():
                self._power_all(timeout)
                return
            try:
                self._build()
                self._power_all(timeout)
            except BaseException:
                self._clear()
                raise

    def down(self) -> None:
        """Take everything down; logs stay.  What is not there is fine."""
        with self._locked():
            self._clear()

    def _is_up(self) -> bool:
        if not (self._state.exists() and self.network.exists()):
            return False
        if self._saved() != self.specs:
            raise ClusterBusy(
                f"{self.name} is up with other nodes: "
                f"{', '.join(s.name for s in self._saved())}; "
                "take it down first"
            )
        return True

    def _build(self) -> None:
        self._clear()
        shutil.rmtree(self.share, ignore_errors=True)
        self._fill_share()
        self.network.create(spec.address(_BRIDGE_POSITION))
        for node in self.nodes.values():
            shutil.rmtree(node.machine.folder, ignore_errors=True)
            node.machine.prepare()
        spec.save(self._state, self.specs)

    def _fill_share(self) -> None:
        ours = self.share / ".lab"
        shutil.copytree(initramfs.GUEST, ours)
        for folder in ("runs", "nodes", "ready"):
            (ours / folder).mkdir()
        (ours / "hosts").write_text(self._hosts())
        for node in self.nodes.values():
            words = {
                "NAME": node.name,
                "ADDRESS": node.address,
                "CHECKOUT": str(CHECKOUT),
                "UDEV": str(int(node.machine.spec.udev)),
            }
            lines = (f"{k}={shlex.quote(v)}\n" for k, v in words.items())
            (ours / "nodes" / node.name).write_text("".join(lines))

    def _hosts(self) -> str:
        known = ((n.address, n.name) for n in self.nodes.values())
        lines = ("127.0.0.1 localhost", *map(" ".join, known))
        return "\n".join(lines) + "\n"

    def _power_all(self, timeout: float) -> None:
        boot = self._boot()
        begin = time.monotonic()

        def power(node: Node) -> None:
            if not node.running():
                node.machine.start(boot)
            node.wait_ready(timeout)
            took = time.monotonic() - begin
            self.say(f"node {node.name} ({node.address}): up, {took:.1f} s")

        with concurrent.futures.ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(power, self.nodes.values()))

    def _clear(self) -> None:
        for mark in self._marks():
            processes.kill(mark)
        self.network.delete()
        for path in self.directory.glob("*/disk.raw"):
            path.unlink()
        for path in self.directory.glob("*/*.sock"):
            path.unlink()
        self._state.unlink(missing_ok=True)

    def _marks(self) -> set[str]:
        """Return the marks of this cluster's processes, from /proc alone."""
        return processes.marks(f"guest={self.name}.")

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each node: name, address, power, bytes, link."""
        links = self.network.links()
        return [_row(node, links) for node in self.nodes.values()]

    def leftovers(self) -> list[dict[str, str]]:
        """Return what is left: where, kind and name of each thing.

        Of a cluster that is up that is what its nodes hold; of one that is
        down every process, tap and namespace.
        """
        if self._state.exists():
            return [
                {"where": node.name, **thing}
                for node in self.nodes.values()
                if node.running()
                for thing in node.leftovers()
            ]
        host = [("process", mark) for mark in sorted(self._marks())]
        host += [("link", name) for name in self.network.links()]
        if self.network.exists():
            host.append(("namespace", self.name))
        return [{"where": "host", "kind": k, "name": n} for k, n in host]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ClusterBusy(
                    f"{self.name}: another command is taking it up or down"
                ) from None
            yield


def _row(node: Node, links: dict[str, Any]) -> dict[str, Any]:
    link = links.get(node.machine.tap)
    stats = link["stats64"] if link else {}
    return {
        "name": node.name,
        "address": node.address,
        "power": "on" if node.running() else "off",
        "link": "up" if link and "UP" in link["flags"] else "cut",
        "sent_bytes": stats["rx"]["bytes"] if stats else 0,
        "received_bytes": stats["tx"]["bytes"] if stats else 0,
    }
