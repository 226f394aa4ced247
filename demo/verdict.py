# SPDX-License-Identifier: Apache-2.0
"""Check the figures of a run against their limits, for the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Two children may read the image server at fan-out 2; 5 % is what TCP, iSCSI
# and the first looks at a new disk add.
MOST_IMAGES = 2.1
_WORDS = {None: "", True: "ok", False: "FAILED"}


def verdicts(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the summary table's rows: what, value, verdict."""
    size = facts["image_bytes"]
    nodes = ", ".join(
        f"{name} {sent / size:.2f}"
        for name, sent in facts["node_sent_bytes"].items()
    )
    sent = facts["root_sent_images"]
    total = facts["vms"]
    checks = [
        ("tree depth", str(facts["depth"]), facts["depth"] >= 2),
        (
            "images sent by the image server",
            f"{sent} for {facts['nodes']} nodes",
            sent <= MOST_IMAGES,
        ),
        ("images sent by the nodes", nodes, None),
        (f"SHA-256 of {total} VM disks", "", facts["digests_ok"]),
        ("a write stays in its own disk", "", facts["isolation_ok"]),
        ("a VM boots from its disk", "", facts["vm_booted"]),
        ("leftovers", str(facts["leftovers"]), facts["leftovers"] == 0),
    ]
    return [(name, value, _WORDS[held]) for name, value, held in checks]
