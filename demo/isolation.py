# SPDX-License-Identifier: Apache-2.0
"""Check that a write to one VM's disk is seen in that disk alone."""

from __future__ import annotations

from collections.abc import Iterator

from demo import plan, probe
from demo.site import Site
from demo.waiting import side_by_side
from lab.node import Node

_WRITTEN = 1  # MiB
Place = tuple[Node, str]


def trouble(site: Site, skip: int) -> list[str]:
    """Write to the first node's second disk; return the faults found.

    :param skip: MiB before the place that is written.
    """

    def look(place: Place) -> str:
        node, device = place
        return probe.digest(node, device, skip=skip, count=_WRITTEN)

    image = site.master, plan.FILE
    written = site.computes[0], plan.device(plan.VMS[1])
    wanted = look(image)
    probe.write(*written, skip=skip, count=_WRITTEN)
    seen: dict[Place, str] = {}

    def look_around(node: Node) -> None:
        for place in _places(site, node):
            seen[place] = look(place)

    side_by_side(look_around, site.nodes)
    if seen.pop(written) == wanted:
        return ["the write did not reach its own disk"]
    return [
        f"the write is seen in {node.name} {device}"
        for (node, device), digest in seen.items()
        if digest != wanted
    ]


def _places(site: Site, node: Node) -> Iterator[Place]:
    """Yield the files and devices of a node with bytes of the image."""
    if node is site.master:
        yield node, plan.FILE
        return
    yield from ((node, plan.device(vm)) for vm in plan.VMS)
    yield node, f"/dev/mapper/cached_{plan.VOLUME}"
