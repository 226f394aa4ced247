# SPDX-License-Identifier: Apache-2.0
"""Count the nodes' traffic at their taps on the host."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from demo.events import Flow, Moved
from lab.network import Network
from lab.node import Node

_MIB = 1 << 20
# What the tap receives is what the node sent.
_WAYS = {"sent": "rx", "received": "tx"}
Counts = Mapping[str, Mapping[str, int]]


class Meter:
    """Counts from its making on; ``image`` is the image's size in bytes."""

    def __init__(
        self, network: Network, nodes: Sequence[Node], image: int, disks: int
    ) -> None:
        self._network = network
        self._taps = {node.name: node.machine.tap for node in nodes}
        self._image = image
        self._disks = disks
        self.disks_read: Counter[str] = Counter()
        self._start = self._look()
        self._last = time.monotonic(), self._start

    def sent(self) -> dict[str, int]:
        """Return the bytes that each node has sent."""
        now = self._look()
        return {
            name: now[name]["sent"] - was["sent"]
            for name, was in self._start.items()
        }

    def moved(self, step: str) -> Moved:
        """Return each node's traffic, with the rates since the last call."""
        then, before = self._last
        when, now = self._last = time.monotonic(), self._look()
        passed = max(when - then, 1e-3)
        return Moved(
            step,
            {name: self._flow(name, before, now, passed) for name in now},
        )

    def _flow(
        self, name: str, before: Counts, now: Counts, passed: float
    ) -> Flow:
        whole = {
            way: (now[name][way] - self._start[name][way]) / self._image
            for way in _WAYS
        }
        rate = {
            way: (now[name][way] - before[name][way]) / passed / _MIB
            for way in _WAYS
        }
        return Flow(
            whole["sent"], whole["received"], rate["sent"], rate["received"],
            self.disks_read[name], self._disks,
        )  # fmt: skip

    def _look(self) -> dict[str, dict[str, int]]:
        """Return the counters of all nodes at one moment."""
        links = self._network.links()
        return {
            name: {
                way: int(links[tap]["stats64"][counter]["bytes"])
                for way, counter in _WAYS.items()
            }
            for name, tap in self._taps.items()
        }
