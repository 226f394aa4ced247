# SPDX-License-Identifier: Apache-2.0
"""The wires of a cluster: a network namespace, a bridge, a tap for a node.

Nothing outside the namespace is touched, and all of it goes when the
namespace goes.  The host needs tbf, ifb, u32 and mirred to limit a link in
both directions; a tap's own queue holds back what goes to the node, an ifb
device what comes from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import tools
from lab.errors import LabError

BRIDGE = "br0"


class Network:
    """The network of one cluster, known to ``ip netns`` by ``namespace``."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def exists(self) -> bool:
        """Tell whether the namespace is there."""
        return Path("/run/netns", self.namespace).exists()

    def create(self, address: str) -> None:
        """Make the namespace and the bridge, with ``address``/24."""
        tools.run(["ip", "netns", "add", self.namespace])
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge")
        self._ip("addr", "add", f"{address}/24", "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")

    def delete(self) -> None:
        """Remove the namespace with all in it; a missing one is fine."""
        if self.exists():
            tools.run(["ip", "netns", "del", self.namespace])

    def add_tap(self, tap: str) -> None:
        """Plug a new tap into the bridge."""
        self._ip("tuntap", "add", tap, "mode", "tap")
        self._ip("link", "set", tap, "master", BRIDGE, "up")

    def set_link(self, tap: str, up: bool) -> None:
        """Plug the cable in or pull it out, at the bridge's end.

        The device itself stays up: user-mode Linux takes no more from a tap
        that has been down.
        """
        end = ("master", BRIDGE) if up else ("nomaster",)
        self._ip("link", "set", tap, *end)

    def link_is_up(self, tap: str) -> bool:
        """Tell whether the cable of a tap is in; false without the tap."""
        link = self.links().get(tap)
        return link is not None and plugged(link)

    def limit(self, tap: str, mbit: float | None) -> None:
        """Let ``mbit`` Mbit/s through each way; None lifts the limit."""
        ifb = _ifb(tap)
        links = self.links()
        if ifb in links:
            self._ip("link", "del", ifb)
            self._tc("qdisc", "del", "dev", tap, "root")
            self._tc("qdisc", "del", "dev", tap, "ingress")
        if mbit is None:
            return
        if mbit <= 0:
            raise LabError(
                f"a limit of {mbit} Mbit/s is too low: give more than 0"
            )
        self._ip("link", "add", ifb, "type", "ifb")
        self._ip("link", "set", ifb, "up")
        self._shape(tap, mbit)
        self._shape(ifb, mbit)
        self._tc("qdisc", "add", "dev", tap, "ingress")
        self._tc(
            *("filter", "add", "dev", tap, "parent", "ffff:"),
            *("protocol", "all", "u32", "match", "u32", "0", "0"),
            *("action", "mirred", "egress", "redirect", "dev", ifb),
        )

    def links(self) -> dict[str, dict[str, Any]]:
        """Return the devices of the namespace by name, as of ``ip -s -j``."""
        if not self.exists():
            return {}
        links = json.loads(self._ip("-s", "-j", "link", "show"))
        return {link["ifname"]: link for link in links}

    def counted(self, tap: str, way: str) -> int:
        """Return the bytes that went through a tap: ``way`` is rx or tx."""
        return int(self.links()[tap]["stats64"][way]["bytes"])

    def enter(self, argv: list[str]) -> list[str]:
        """Return the command that runs ``argv`` inside the namespace."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", "--", *argv]

    def run(self, argv: list[str], **more: Any) -> str:
        """Run a host program in the namespace, as ``tools.run`` does."""
        return tools.run(self.enter(argv), **more)

    def _shape(self, device: str, mbit: float) -> None:
        rate = f"{round(mbit * 1e6)}bit"
        self._tc(
            *("qdisc", "add", "dev", device, "root", "tbf", "rate", rate),
            *("burst", "64k", "latency", "200ms"),
        )

    def _ip(self, *words: str) -> str:
        return tools.run(["ip", "-n", self.namespace, *words])

    def _tc(self, *words: str) -> str:
        return tools.run(["tc", "-n", self.namespace, *words])


def plugged(link: Mapping[str, Any]) -> bool:
    """Tell whether a tap, as of ``ip -j``, is in the bridge."""
    return bool(link.get("master") == BRIDGE)


def _ifb(tap: str) -> str:
    return f"ifb-{tap}"
