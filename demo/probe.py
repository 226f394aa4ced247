# SPDX-License-Identifier: Apache-2.0
"""Read from a node's kernel its sources of an image, and digests of disks.

Small scripts run in the node; the agent is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.node import Node

# The disks of a multipath table, in order, and the portal of each's session.
_PARENTS = """
import glob, json, os, re, subprocess, sys
table = subprocess.run(["dmsetup", "table", sys.argv[1]], text=True,
                       stdout=subprocess.PIPE).stdout
found = []
for number in re.findall(r"queue-length 0 1 1 (\\d+:\\d+)", table):
    disk = os.path.realpath("/sys/dev/block/" + number)
    session = re.search(r".*/session\\d+", disk)[0]
    for name in glob.glob(session + "/connection*/iscsi_connection/*/"
                          "persistent_address"):
        found.append(open(name).read().strip())
print(json.dumps(found))
"""
# dd reads around the page cache: what is hashed came from the device.
_DIGEST = (
    "dd if=$0 bs=1M iflag=direct status=none"
    " ${1:+skip=$1} ${2:+count=$2} | sha256sum"
)


def parents(node: Node, image: str) -> list[str]:
    """Return the addresses of a node's sources of an image, best first."""
    done = node.run(["python3", "-S", "-c", _PARENTS, f"multipath_{image}"])
    addresses: list[str] = json.loads(done.stdout)
    return addresses


def tree(nodes: Sequence[Node], image: str) -> dict[str, list[str]]:
    """Return the names of each compute node's sources, best first.

    :param nodes: the master, then the compute nodes.
    """
    names = {node.address: node.name for node in nodes}
    with ThreadPoolExecutor(len(nodes)) as pool:
        addresses_of = pool.map(lambda node: parents(node, image), nodes[1:])
    return {
        node.name: [names[address] for address in addresses]
        for node, addresses in zip(nodes[1:], addresses_of, strict=True)
    }


def digest(
    node: Node,
    device: str,
    *,
    skip: int | None = None,
    count: int | None = None,
    timeout: float = 900,
) -> str:
    """Return the SHA-256 of a device, or of ``count`` MiB after ``skip``."""
    where = [device]
    if skip is not None and count is not None:
        where += [str(skip), str(count)]
    done = node.run(["sh", "-c", _DIGEST, *where], timeout=timeout)
    return done.stdout.split()[0]


def write(node: Node, device: str, *, skip: int, count: int) -> None:
    """Write ``count`` MiB of noise to a device at ``skip`` MiB, flushed."""
    node.run(
        [
            "dd", "if=/dev/urandom", f"of={device}", "bs=1M",
            f"seek={skip}", f"count={count}", "conv=notrunc,fsync",
        ]
    )  # fmt: skip
