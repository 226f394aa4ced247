# SPDX-License-Identifier: Apache-2.0
"""Agents killed after each change that they make, and nodes without power."""

from __future__ import annotations

import pytest
from killing import judge, kill_on, saw

from demo import probe
from demo.site import side_by_side

pytestmark = pytest.mark.lab

BLOCKS = 64
# The data file is there, whole: only its content is worth nothing.
LOSE_BLOCKS = """
set -- /var/lib/virtman/cache/*.data
[ $# = 1 ] && [ -s "$1" ]
head -c $(stat -c %s "$1") /dev/urandom >"$1"
"""
# Some changes that must be among those that agents were killed after.
SEEN = (
    "intent", "login", "dmsetup create", "qemu_storage_daemon", "nbd_client",
    "tgtadm", "dmsetup remove", "logout",
)  # fmt: skip


def test_an_agent_killed_after_any_change_finds_its_way(bed, reliability):
    file = "/var/lib/virtman/killed.raw"
    nodes = bed.site.computes
    images = [bed.serve_image(blocks=BLOCKS) for _ in nodes]
    side_by_side(
        lambda node: bed.pattern(node, "make", file, BLOCKS, "killed"), nodes
    )
    told = kill_on(bed, nodes, {"disk": images, "target": [file] * 3})
    saw(judge(told, "disk", reliability), *SEEN)
    saw(judge(told, "target", reliability), "losetup", "tgtadm")
    for node in nodes:
        found = bed.pattern(node, "verify", file, "killed", 0, BLOCKS)
        assert found["wrong"] == 0
        node.run(["rm", file])


def test_an_agent_killed_while_its_parent_changes_goes_on_under_a_reader(
    bed, reliability
):
    image = bed.serve_image()
    for node in (bed.n1, bed.n2):
        bed.create(node, "vm1", image)
    told = kill_on(bed, [bed.n3], {"move": [image]})
    reader = told[-1]["reader"]
    reliability.read(reader)
    reliability.say(f"agent killed while its parent changed: {reader}")
    killed = judge(told, "move", reliability)
    assert (reader["errors"], reader["wrong"]) == (0, 0), reader
    # The old source may stay as the second: then nobody logs out.
    saw(killed, "login", "dmsetup load", "dmsetup resume")


def lose_blocks(node):
    """Leave of a cache what a power cut may: none of it is right."""
    node.run(["sh", "-ec", LOSE_BLOCKS])


def test_two_instances_are_back_with_their_writes_after_a_power_cut(
    bed, reliability
):
    """The cache from before the boot is not trusted, nor is its map."""
    image = bed.serve_image(blocks=BLOCKS)
    node, disks = bed.n1, [f"/dev/mapper/snapshot_vm{n}" for n in (1, 2)]
    for vm in ("vm1", "vm2"):
        bed.create(node, vm, image)
    for disk in disks:
        probe.write(node, disk, skip=1, count=1)
    before = [probe.digest(node, disk) for disk in disks]
    node.power_off_hard()
    reliability.fault("node power cut")
    bed.site.revive(node, lose_blocks)
    node.wait_until(
        lambda: bed.site.call(node, "list") == [
            f"vm1:volume-{image}", f"vm2:volume-{image}",
        ],
        timeout=120,
        goal="both instances are back",
    )  # fmt: skip
    after = [probe.digest(node, disk) for disk in disks]
    wrong = sum(a != b for a, b in zip(after, before, strict=True))
    reliability.lost(data_mismatches=wrong)
    assert after == before
    assert after[0] != after[1], "each has its own writes"
    cached = f"/dev/mapper/cached_volume-{image}"
    found = bed.pattern(node, "verify", cached, image, 0, BLOCKS)
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0), found


def test_an_image_server_is_back_after_a_power_cut_under_a_reader(
    bed, reliability
):
    """The image target is exported again and the tree goes on from it."""
    node = bed.n2
    file = "/var/lib/virtman/served.raw"
    bed.pattern(node, "make", file, BLOCKS, "served")
    answer = bed.site.call(node, "create_image_target", "served", file)
    assert answer.startswith("0:"), answer
    try:
        node.run(["sync"])
        node.power_off_hard()
        reliability.fault("image server power cut")
        bed.site.revive(node)
        node.wait_until(
            lambda: len(bed.site.call(node, "list_image_target")) == 1,
            timeout=120,
            goal="its target is back",
        )
        bed.create(bed.n3, "vm1", "served", server=node)
        found = bed.pattern(
            bed.n3, "verify", "/dev/mapper/snapshot_vm1", "served", 0, BLOCKS
        )
    finally:
        bed.site.call(bed.n3, "destroy", "vm1")
        node.wait_until(
            lambda: (
                bed.site.call(node, "destroy_image_target", "served") == "0:"
            ),
            timeout=120,
            goal="its last reader has left",
        )
        node.run(["rm", file])
    reliability.read(found)
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)
