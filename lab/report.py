# SPDX-License-Identifier: Apache-2.0
"""Reports on a cluster: the state of its nodes, and its leftovers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab.network import Network, plugged
from lab.node import Node


def status(nodes: Iterable[Node], network: Network) -> list[dict[str, Any]]:
    """Return a row for each node.

    Its keys are name, address, power (on, off), link (up, cut, none),
    sent_bytes and received_bytes.
    """
    links = network.links()
    return [_row(node, links.get(node.machine.tap)) for node in nodes]


def _row(node: Node, link: dict[str, Any] | None) -> dict[str, Any]:
    row = {
        "name": node.name,
        "address": node.address,
        "power": "on" if node.running() else "off",
        "link": "none",
        "sent_bytes": 0,
        "received_bytes": 0,
    }
    if link:
        row["link"] = "up" if plugged(link) else "cut"
        row["sent_bytes"] = link["stats64"]["rx"]["bytes"]
        row["received_bytes"] = link["stats64"]["tx"]["bytes"]
    return row


def in_nodes(nodes: Iterable[Node]) -> list[dict[str, str]]:
    """Return the leftovers in the nodes that have power."""
    return [
        {"where": node.name, **resource}
        for node in nodes
        if node.running()
        for resource in node.leftovers()
    ]


def on_host(marks: Iterable[str], network: Network) -> list[dict[str, str]]:
    """Return a cluster's processes, network devices and namespace."""
    things = [("process", mark) for mark in sorted(marks)]
    things += [("link", name) for name in network.links() if name != "lo"]
    if network.exists():
        things.append(("namespace", network.namespace))
    return [{"where": "host", "kind": k, "name": n} for k, n in things]
