# SPDX-License-Identifier: Apache-2.0
"""The folder that the nodes and the host share, /share in a node.

Its folder ``.lab`` is the lab's own: the guest's scripts, the settings of
each node, a file for each node that is ready, and the commands under way.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from lab import initramfs, spec
from lab.spec import NodeSpec


def fill(share: Path, specs: Sequence[NodeSpec], checkout: Path) -> None:
    """Make the shared folder anew for the nodes of ``specs``.

    ``checkout`` is the source tree, whose udev rules the nodes obey.
    """
    shutil.rmtree(share, ignore_errors=True)
    ours = share / ".lab"
    shutil.copytree(initramfs.GUEST, ours)
    for folder in ("runs", "nodes", "ready"):
        (ours / folder).mkdir()
    hosts = ["127.0.0.1 localhost"]
    for position, node in enumerate(specs, 1):
        address = spec.address(position)
        hosts.append(f"{address} {node.name}")
        words = {
            "NAME": node.name,
            "ADDRESS": address,
            "CHECKOUT": str(checkout),
            "UDEV": str(int(node.udev)),
            "ROOT": node.root,
        }
        lines = (f"{k}={shlex.quote(v)}\n" for k, v in words.items())
        (ours / "nodes" / node.name).write_text("".join(lines))
    (ours / "hosts").write_text("\n".join(hosts) + "\n")
