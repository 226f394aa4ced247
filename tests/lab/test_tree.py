# SPDX-License-Identifier: Apache-2.0
"""The tree on real kernels: who reads from whom, and what crosses the wire."""

from __future__ import annotations

import json

import pytest
from conftest import BLOCK, BLOCKS, PATTERN

from demo import probe
from demo.site import CHECKOUT, DOOR_KEY, side_by_side

pytestmark = pytest.mark.lab


def test_three_nodes_read_one_image_through_a_tree_of_depth_two(bed):
    image = bed.serve_image()
    before = bed.master.sent_bytes()
    side_by_side(
        lambda node: bed.create(node, "vm1", image), bed.site.computes
    )
    bed.wait_tree(image, depth=2)

    def images_sent():
        return (bed.master.sent_bytes() - before) / (BLOCKS * BLOCK)

    assert images_sent() < 0.05, "nobody looks into a disk that is new"

    def verify(node):
        found = bed.pattern(
            node, "verify", "/dev/mapper/snapshot_vm1", image, 0, BLOCKS
        )
        assert (found["blocks"], found["wrong"]) == (BLOCKS, 0), found

    side_by_side(verify, bed.site.computes)
    sent = images_sent()
    assert 1.9 < sent <= 2.1, "two children at fan-out 2 read it, no third"


def test_a_second_vm_touches_neither_volt_nor_the_network(bed):
    image = bed.serve_image()
    bed.create(bed.n1, "vm1", image)
    found = bed.pattern(
        bed.n1, "verify", "/dev/mapper/snapshot_vm1", image, 0, BLOCKS
    )
    assert found["wrong"] == found["errors"] == 0
    bed.n1.cut_link()
    try:
        bed.create(bed.n1, "vm2", image)
        found = bed.pattern(
            bed.n1, "verify", "/dev/mapper/snapshot_vm2", image, 0, BLOCKS
        )
    finally:
        bed.n1.restore_link()
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0), found


def test_creates_of_one_image_at_once_deploy_it_once(bed):
    image = bed.serve_image()
    names = [f"vm{number}" for number in range(32)]
    calls = " ".join(
        f"vmtapi.create('{bed.n2.address}', '{name}', '{image}',"
        f" '{bed.master.address}')\n"
        for name in names
    ).splitlines()
    script = (
        "import sys, json\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import vmtapi\n"
        f"calls = [{', '.join('lambda: ' + call.strip() for call in calls)}]\n"
        "with ThreadPoolExecutor(32) as pool:\n"
        "    print(json.dumps(list(pool.map(lambda c: c(), calls))))\n"
    )
    done = bed.n2.run(
        ["env", f"VIRTMAN_TOKEN_FILE={DOOR_KEY}",
         "python3", "-c", script, str(CHECKOUT / "virtmanclient")],
        timeout=300,
    )  # fmt: skip
    for name in names:
        assert f"0:/dev/mapper/snapshot_{name}" in done.stdout
    held = [kind for kind, _ in bed.held(bed.n2)]
    assert held.count("process") == 2, "qemu-storage-daemon, nbd-client"
    assert held.count("nbd") == 1
    assert held.count("session") == 1
    assert held.count("target") == 1
    assert held.count("dm") == 4 + len(names)


def test_a_write_is_seen_in_its_own_disk_only(bed):
    image = bed.serve_image(blocks=256)
    for vm in ("vm1", "vm2"):
        bed.create(bed.n1, vm, image)
    probe.write(bed.n1, "/dev/mapper/snapshot_vm1", skip=3, count=2)
    own = bed.pattern(
        bed.n1, "verify", "/dev/mapper/snapshot_vm1", image, 0, 256
    )
    assert own["wrong"] == 32, "2 MiB are 32 blocks"
    for device in ("snapshot_vm2", f"cached_volume-{image}"):
        found = bed.pattern(
            bed.n1, "verify", f"/dev/mapper/{device}", image, 0, 256
        )
        assert (found["blocks"], found["wrong"]) == (256, 0), device
    file = f"/var/lib/virtman/{image}.raw"
    found = bed.pattern(bed.master, "verify", file, image, 0, 256)
    assert (found["blocks"], found["wrong"]) == (256, 0)


def test_nothing_of_the_shared_stack_can_be_written(bed):
    image = bed.serve_image(blocks=64)
    bed.create(bed.n1, "vm1", image)
    for role in ("multipath", "engine", "cached", "origin"):
        device = f"/dev/mapper/{role}_volume-{image}"
        tried = bed.n1.run(
            ["dd", "if=/dev/zero", f"of={device}", "bs=64k", "count=1",
             "oflag=direct"],
            check=False,
        )  # fmt: skip
        assert tried.code != 0, device
    disks = bed.n1.run(["sh", "-c", "cat /sys/block/sd*/ro"]).stdout.split()
    assert set(disks) == {"1"}
    found = bed.pattern(
        bed.n1, "verify", "/dev/mapper/snapshot_vm1", image, 0, 64
    )
    assert (found["blocks"], found["wrong"]) == (64, 0)


def test_a_parent_that_leaves_is_replaced_under_a_reader(bed):
    image = bed.serve_image()
    for node in bed.site.computes:
        bed.create(node, "vm1", image)
    tree = bed.wait_tree(image, depth=2)
    child, parent = next(
        (bed.site.cluster.node(name), bed.site.cluster.node(sources[0]))
        for name, sources in tree.items()
        if sources[0] != "master"
    )
    reader = child.start(
        ["python3", "-S", PATTERN, "watch",
         "/dev/mapper/snapshot_vm1", image, "/run/stop"],
        log="watch",
    )  # fmt: skip
    assert bed.site.call(parent, "destroy", "vm1") == "0:"
    bed.n3.wait_until(
        lambda: parent.address not in probe.parents(child, f"volume-{image}"),
        timeout=120,
        goal="the child reads from somebody else",
    )
    parent.wait_until(
        lambda: bed.held(parent) == [],
        timeout=120,
        goal="the old parent has taken its stack down",
    )
    child.run(["touch", "/run/stop"])
    assert reader.wait(120) == 0
    child.run(["rm", "/run/stop"])
    found = json.loads(child.log("watch").read_text().splitlines()[-1])
    assert found["blocks"] > 0
    assert (found["errors"], found["wrong"]) == (0, 0), found


def test_an_image_server_reads_its_own_image_without_a_place_in_the_tree(bed):
    image = bed.serve_image(blocks=64)
    before = bed.held(bed.master)
    bed.create(bed.master, "vm1", image)
    found = bed.pattern(
        bed.master, "verify", "/dev/mapper/snapshot_vm1", image, 0, 64
    )
    assert (found["blocks"], found["wrong"]) == (64, 0)
    assert probe.parents(bed.master, f"volume-{image}") == [bed.master.address]
    targets = [name for kind, name in bed.held(bed.master) if kind == "target"]
    assert len(targets) == 1, "it is not exported twice"
    assert bed.site.call(bed.master, "destroy", "vm1") == "0:"
    bed.master.wait_until(
        lambda: bed.held(bed.master) == before, timeout=60, goal="master idle"
    )
