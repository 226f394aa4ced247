# SPDX-License-Identifier: Apache-2.0
"""What is there of a cluster, and what should not be there any more."""

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
    """Return what the nodes that have power hold."""
    return [
        {"where": node.name, **thing}
        for node in nodes
        if node.running()
        for thing in node.leftovers()
    ]


def on_host(marks: Iterable[str], network: Network) -> list[dict[str, str]]:
    """Return the processes, network devices and namespace there are."""
    found = [("process", mark) for mark in sorted(marks)]
    found += [("link", name) for name in network.links() if name != "lo"]
    if network.exists():
        found.append(("namespace", network.namespace))
    return [{"where": "host", "kind": k, "name": n} for k, n in found]
