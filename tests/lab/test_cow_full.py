# SPDX-License-Identifier: Apache-2.0
"""A store smaller than the image: warned of, full, enlarged, lost.

Whatever happens to it, the other VMs of the image notice nothing, and a
destroy leaves nothing.
"""

from __future__ import annotations

import contextlib

import pytest

pytestmark = pytest.mark.lab

# Blocks of 64 KiB, the chunk of a snapshot.
IMAGE, STORE = 512, 320
LOOP, FILE, WRITTEN = "/dev/loop7", "/var/lib/virtman/given", "/run/written"
DISK = "/dev/mapper/snapshot_vm1"
PATIENCE = 60


@contextlib.contextmanager
def given(node):
    """Lend a loop device of STORE blocks."""
    node.run(["truncate", "-s", str(STORE << 16), FILE])
    node.run(["losetup", LOOP, FILE])
    try:
        yield LOOP
    finally:
        node.run(["losetup", "-d", LOOP])
        node.run(["rm", "-f", FILE, WRITTEN])


def write(bed, node, blocks, seed, disk=DISK):
    """Write a pattern to a disk's begin; tell whether it went well."""
    bed.pattern(node, "make", WRITTEN, blocks, seed)
    done = node.run(
        ["dd", f"if={WRITTEN}", f"of={disk}", "bs=64k", "oflag=direct",
         "conv=notrunc"],
        check=False, timeout=300,
    )  # fmt: skip
    return done.code == 0


def verify(bed, node, seed, first, blocks, disk=DISK):
    """Insist that blocks of a disk are those of a pattern."""
    found = bed.pattern(node, "verify", disk, seed, first, blocks)
    assert (found["blocks"], found["wrong"], found["errors"]) == (blocks, 0, 0)


def wait_list(bed, node, entry):
    node.wait_until(
        lambda: entry in bed.site.call(node, "list"),
        timeout=PATIENCE,
        goal=f"{entry!r} is listed",
    )


def wait_said(node, text):
    """Wait until the agent has said something; insist that it was once."""

    def times():
        return node.log("virtman").read_text(errors="replace").count(text)

    node.wait_until(times, timeout=PATIENCE, goal=f"the log says {text!r}")
    assert times() == 1


def test_a_full_store_stops_its_own_vms_writes_and_nothing_else(bed):
    node, image = bed.n1, bed.serve_image(blocks=IMAGE)
    bed.create(node, "vm2", image)
    with given(node) as device:
        bed.create(node, "vm1", image, device=device)
        assert write(bed, node, 260, "early")
        wait_said(node, "vm1: its copy-on-write store is 8")
        assert f"vm1:volume-{image}" in bed.site.call(node, "list")

        assert not write(bed, node, 400, "early")
        wait_list(bed, node, f"vm1:volume-{image} full")
        wait_said(node, "vm1: its copy-on-write store is full")
        verify(bed, node, "early", 0, 260)
        verify(bed, node, image, 400, IMAGE - 400)
        other = "/dev/mapper/snapshot_vm2"
        verify(bed, node, image, 0, IMAGE, other)
        assert write(bed, node, 400, "vm2", other)
        enlarge(bed, node, image)
        assert bed.site.call(node, "destroy", "vm1") == "0:"


def enlarge(bed, node, image):
    """Do as the message says; the disk is back with all that was written."""
    node.run(["truncate", "-s", str(2 * IMAGE << 16), FILE])
    node.run(["losetup", "-c", LOOP])
    node.run(["dmsetup", "remove", "snapshot_vm1"])
    wait_list(bed, node, f"vm1:volume-{image}")
    verify(bed, node, "early", 0, 260)
    verify(bed, node, image, 400, IMAGE - 400)
    assert write(bed, node, IMAGE, "late")
    verify(bed, node, "late", 0, IMAGE)


def test_a_store_whose_device_fails_is_listed_as_invalid(bed):
    node, image = bed.n1, bed.serve_image(blocks=64)
    with given(node) as device:
        size = STORE * 128
        table = f"0 {size} linear {device} 0"
        node.run(["dmsetup", "create", "lent", "--table", table])
        try:
            bed.create(node, "vm1", image, device="/dev/mapper/lent")
            node.run(["dmsetup", "load", "lent", "--table", f"0 {size} error"])
            node.run(["dmsetup", "resume", "lent"])
            assert not write(bed, node, 8, "lost")
            wait_list(bed, node, f"vm1:volume-{image} invalid")
            wait_said(node, "vm1: its copy-on-write store is invalid")
            assert bed.site.call(node, "destroy", "vm1") == "0:"
        finally:
            node.run(["dmsetup", "remove", "lent"])
