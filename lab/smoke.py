# SPDX-License-Identifier: Apache-2.0
"""Show that the lab itself works: ``python -m lab.smoke [qemu|uml]``.

Boots its own small cluster beside other clusters, tries power, wire, disk,
limit, counters and many commands at once, and takes its cluster down.  The
docstring of each step is printed when the step has passed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lab import services
from lab.cluster import CHECKOUT, Cluster
from lab.errors import LabError, NodeDown
from lab.node import Node
from lab.spec import NodeSpec

_BLOB = 2_000_000
_LIMIT_MBIT = 4


def many_at_once(cluster: Cluster) -> None:
    """Thirty commands from ten threads, each with its own answer."""
    nodes = list(cluster.nodes.values())

    def ask(number: int) -> str:
        node = nodes[number % len(nodes)]
        return node.run(["echo", str(number)]).stdout.strip()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(30)))
    _hold(answers == [str(n) for n in range(30)], f"mixed up: {answers}")


def files_and_output(cluster: Cluster) -> None:
    """Bytes go in and come out unchanged, stdin and a big output too."""
    node = cluster.node("a")
    data = bytes(range(256)) * 4096
    node.put("/run/some/where", data)
    _hold(node.get("/run/some/where") == data, "put and get differ")
    echo = node.run(["cat"], input=data.hex()).stdout
    _hold(echo == data.hex(), "stdin and stdout differ")


def power_cut(cluster: Cluster) -> None:
    """A synced file survives a power cut; a process does not."""
    node = cluster.node("b")
    node.put("/var/lib/virtman/kept", b"kept")
    node.run(["sync"])
    sleeper = node.start(["sleep", "1000"], log="sleeper.log")
    node.power_off_hard()
    _refuses(NodeDown, lambda: sleeper.wait(30))
    node.power_on()
    _hold(node.get("/var/lib/virtman/kept") == b"kept", "the disk was lost")


def cut_link(cluster: Cluster) -> None:
    """A cut link stops the network and nothing else."""
    a, b = cluster.node("a"), cluster.node("b")
    _hold(_reaches(a, b), "no network to begin with")
    b.cut_link()
    _hold(not _reaches(a, b), "the link is cut and still carries")
    b.run(["true"])
    b.restore_link()
    a.wait_until(lambda: _reaches(a, b), goal="the mended link")


def limit_and_counters(cluster: Cluster) -> None:
    """A limit holds both ways; the counters see what crossed."""
    a, b = cluster.node("a"), cluster.node("b")
    _serve(a)
    before = a.sent_bytes(), b.received_bytes()
    free = _fetch(b, a)
    sent, got = a.sent_bytes() - before[0], b.received_bytes() - before[1]
    _hold(_BLOB < sent < 1.2 * _BLOB, f"sent {_BLOB}, counted {sent}")
    _hold(_BLOB < got < 1.2 * _BLOB, f"received {_BLOB}, counted {got}")
    ideal = _BLOB * 8 / (_LIMIT_MBIT * 1e6)
    for limited in (a, b):
        limited.limit(_LIMIT_MBIT)
        took = _fetch(b, a)
        limited.limit(None)
        times = f"{took:.1f} s with, {free:.1f} s without"
        _hold(0.9 * ideal < took, f"limit of {limited.name}: {times}")


def storage_services(cluster: Cluster) -> None:
    """The daemons start; a leftover is found."""
    node = cluster.node("a")
    services.start_storage(node)
    _hold(node.leftovers() == [], f"at first: {node.leftovers()}")
    node.run(["dmsetup", "create", "odd", "--table", "0 8 zero"])
    left = [(t["kind"], t["name"]) for t in node.leftovers()]
    node.run(["dmsetup", "remove", "odd"])
    _hold(left == [("dm", "odd")], f"the leftovers are {left}")


def _reaches(here: Node, there: Node) -> bool:
    ping = ["busybox", "ping", "-c", "1", "-W", "1", there.name]
    return here.run(ping, check=False).code == 0


def _serve(source: Node) -> None:
    source.put("/run/www/blob", bytes(_BLOB))
    source.run(["busybox", "httpd", "-p", "9000", "-h", "/run/www"])


def _fetch(sink: Node, source: Node) -> float:
    """Fetch the blob from a node; return the seconds that it took."""
    begin = time.monotonic()
    url = f"http://{source.name}:9000/blob"
    sink.run(["busybox", "wget", "-q", "-O", "/dev/null", url])
    return time.monotonic() - begin


def _hold(truth: bool, message: str) -> None:
    if not truth:
        raise LabError(message)


def _refuses(error: type[LabError], call: Callable[[], object]) -> None:
    try:
        call()
    except error:
        return
    raise LabError(f"the call succeeded; {error.__name__} was expected")


_STEPS: tuple[Callable[[Cluster], None], ...] = (
    many_at_once,
    files_and_output,
    power_cut,
    cut_link,
    limit_and_counters,
    storage_services,
)


def main(machine: str = "qemu") -> int:
    """Run every step, in a minute; return 0 if all held."""
    nodes = [NodeSpec(name, machine=machine) for name in "ab"]
    cluster = Cluster(CHECKOUT / "build/lab/smoke", nodes, say=print)
    try:
        with cluster:
            for step in _STEPS:
                begin = time.monotonic()
                step(cluster)
                took = time.monotonic() - begin
                print(f"ok {took:5.1f} s  {step.__doc__}", flush=True)
        left = cluster.leftovers()
        _hold(left == [], f"the cluster has leftovers: {left}")
    except LabError as error:
        print(f"lab.smoke: {error}", file=sys.stderr)
        return 1
    print("ok          Nothing is left.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
