# SPDX-License-Identifier: Apache-2.0
"""The tree with its traffic, for a terminal: a row a machine."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.events import Flow, TreeSeen
from demo.tree import rows

BAR = 12  # columns
# Narrower terminals are not shown the rates and the other sources.
ROOMY = 79


def tree(seen: TreeSeen, flows: Mapping[str, Flow], width: int) -> Table:
    """Return the table of machines: name, received, disks read, sent."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for justify in ("left", "left", "right", "left", "left", "left"):
        grid.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    roomy = width >= ROOMY
    for branch, name in rows(seen.root, seen.parents):
        lead = Text(f"  {branch}", "dim").append(name, "bold not dim")
        cells = _cells(flows.get(name), name == seen.root, roomy)
        others = ", ".join(seen.parents.get(name, ())[1:])
        then = f"then {others}" if others and roomy else ""
        grid.add_row(lead, *cells, Text(then, "dim"))
    return grid


def _cells(
    flow: Flow | None, root: bool, roomy: bool
) -> tuple[RenderableType, ...]:
    """Return a machine's bar, percentage, disks read and images sent."""
    if flow is None:
        return "", "", "", ""
    sent = f"sent {flow.sent:.2f}"
    if roomy:
        sent += _rate(flow.sending)
    if root:
        return "", "", "", sent
    # TCP and iSCSI add a little to the bytes of the image.
    part = min(flow.received, 1.0)
    bar = ProgressBar(total=1.0, completed=part, width=BAR)
    disks = f"{flow.disks_read}/{flow.disks} disks"
    return bar, f"{part:4.0%}", disks, sent


def _rate(mib: float) -> str:
    return f" {mib:5.1f} MiB/s" if mib >= 0.05 else " " * 12
