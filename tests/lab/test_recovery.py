# SPDX-License-Identifier: Apache-2.0
"""The agent killed after each change that it makes, and nodes without power.

The changes are not listed: :mod:`virtman.steps` counts them, and rounds go on
until an agent gets through (tests/lab/guest/killpoints.py).
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from demo import probe
from demo.site import CHECKOUT, side_by_side

pytestmark = pytest.mark.lab

DRIVER = str(Path(__file__).parent / "guest" / "killpoints.py")
CONF = "/run/killed.conf"
# Of all rounds on one node; one takes some 15 s where nothing else runs.
PATIENCE = 1500
BLOCKS = 64
# Some changes that must be among those that agents were killed after.
SEEN = (
    "intent", "login", "dmsetup create", "qemu_storage_daemon", "nbd_client",
    "tgtadm", "dmsetup remove", "logout",
)  # fmt: skip


@contextlib.contextmanager
def without_agents(bed, nodes):
    """Have no agents on some nodes but those of the test."""
    side_by_side(bed.site.stop_agent, nodes)
    try:
        yield
    finally:
        side_by_side(bed.site.start_agent_again, nodes)


def kill_everywhere(bed, story, images):
    """Go through all kill points, shared out among the nodes.

    :param images: one a node, so that none waits for another's leaving.
    :returns: what each round told.
    """
    nodes = bed.site.computes
    told = {}

    def go(node):
        first = nodes.index(node) + 1
        image = images[first - 1]
        conf = node.get("/etc/virtman/virtman.conf").decode()
        more = "heartbeat_interval = 0.5\nsource_timeout = 60\n"
        lines = [
            line
            for line in conf.splitlines()
            if not line.startswith(("heartbeat_interval", "source_timeout"))
        ]
        node.put(CONF, ("\n".join(lines) + "\n" + more).encode())
        python = str(CHECKOUT / ".venv/bin/python")
        done = node.run(
            [python, DRIVER, story, CONF, node.address, "7774", image,
             bed.master.address, str(first), str(len(nodes))],
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        told[node.name] = [json.loads(line) for line in lines]
        assert done.code == 0, done.stderr[-2000:]

    with without_agents(bed, nodes):
        side_by_side(go, nodes)
    return [item for items in told.values() for item in items]


def judge(rounds, reliability):
    """Hold that every round ended well and that none is missing."""
    killed = [item for item in rounds if item["after"] is not None]
    reliability.fault("agent killed", len(killed))
    for item in rounds:
        reliability.lost(
            leftovers=item["left"], data_mismatches=bool(item["error"])
        )
    bad = [item for item in rounds if item["error"] or item["left"]]
    assert bad == []
    numbers = sorted(item["number"] for item in killed)
    assert numbers == list(range(1, len(killed) + 1)), "a point is missing"
    return [
        item["after"] for item in sorted(killed, key=lambda i: i["number"])
    ]


def test_an_agent_killed_after_any_change_to_a_disk_finds_its_way(
    bed, reliability
):
    images = [bed.serve_image(blocks=BLOCKS) for _ in bed.site.computes]
    points = judge(kill_everywhere(bed, "disk", images), reliability)
    for step in SEEN:
        assert any(point.startswith(step) for point in points), points


def test_an_agent_killed_after_any_change_to_a_target_finds_its_way(
    bed, reliability
):
    file = "/var/lib/virtman/killed.raw"
    for node in bed.site.computes:
        bed.pattern(node, "make", file, BLOCKS, "killed")
    judge(kill_everywhere(bed, "target", [file] * 3), reliability)
    for node in bed.site.computes:
        found = bed.pattern(node, "verify", file, "killed", 0, BLOCKS)
        assert found["wrong"] == 0
        node.run(["rm", file])


def test_two_instances_are_back_with_their_writes_after_a_power_cut(
    bed, reliability
):
    image = bed.serve_image(blocks=BLOCKS)
    node, disks = bed.n1, [f"/dev/mapper/snapshot_vm{n}" for n in (1, 2)]
    for vm in ("vm1", "vm2"):
        bed.create(node, vm, image)
    for disk in disks:
        probe.write(node, disk, skip=1, count=1)
    before = [probe.digest(node, disk) for disk in disks]
    node.power_off_hard()
    reliability.fault("node power cut")
    node.power_on()
    bed.site.start_node_again(node)
    node.wait_until(
        lambda: bed.site.call(node, "list") == [
            f"vm1:volume-{image}", f"vm2:volume-{image}",
        ],
        timeout=120,
        what="both instances are back",
    )  # fmt: skip
    after = [probe.digest(node, disk) for disk in disks]
    wrong = sum(a != b for a, b in zip(after, before, strict=True))
    reliability.lost(data_mismatches=wrong)
    assert after == before
    assert after[0] != after[1], "each has its own writes"


def test_an_image_server_is_back_after_a_power_cut_under_a_reader(
    bed, reliability
):
    """The image target is exported again and the tree goes on from it."""
    node = bed.n2
    file = "/var/lib/virtman/served.raw"
    bed.pattern(node, "make", file, BLOCKS, "served")
    answer = bed.site.call(node, "create_image_target", "served", file)
    assert answer.startswith("0:"), answer
    node.run(["sync"])
    node.power_off_hard()
    reliability.fault("image server power cut")
    node.power_on()
    bed.site.start_node_again(node)
    (target,) = bed.site.call(node, "list_image_target")
    assert target.startswith("volume-served:")
    answer = bed.site.call(bed.n3, "create", "vm1", "served", node.address)
    assert answer == "0:/dev/mapper/snapshot_vm1"
    found = bed.pattern(
        bed.n3, "verify", "/dev/mapper/snapshot_vm1", "served", 0, BLOCKS
    )
    reliability.read(found)
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)
    bed.destroy_all()
    assert bed.site.call(node, "destroy_image_target", "served") == "0:"
    node.run(["rm", file])
