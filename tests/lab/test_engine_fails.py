# SPDX-License-Identifier: Apache-2.0
"""The cache engine fails under a reader that verifies every block.

No read may fail and none may give a wrong byte; the kernel goes past the
engine by itself, and the agent mends it.  That it caches again is seen from
what the parent is asked: nothing, once all has been read.
"""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.lab

BLOCKS = 640
DISK = "/dev/mapper/snapshot_vm1"
DAEMON = ["pidof", "qemu-storage-daemon"]
CACHE = "/var/lib/virtman/cache"


def kill_daemon(node):
    node.run(["sh", "-c", "kill -9 $(pidof qemu-storage-daemon)"])


def goes_through(node, image):
    """Tell whether the kernel reads through the engine."""
    status = node.run(["dmsetup", "status", f"engine_volume-{image}"])
    return re.search(r" 43:\d+ A ", status.stdout) is not None


def wait_mended(node, image):
    node.wait_until(
        lambda: (
            node.run(DAEMON, check=False).code == 0
            and goes_through(node, image)
        ),
        timeout=120,
        goal="a storage daemon is read through again",
    )


def check(bed, node, image, found):
    """See that nothing was noticed, and that all is kept from now on."""
    assert found["blocks"] > 100, found
    assert found["left"] > 0, "it must have read what is not kept to the end"
    assert (found["errors"], found["wrong"]) == (0, 0), found
    for _ in range(2):
        asked = bed.reads_of_parent(node, image)
        every = bed.pattern(node, "verify", DISK, image, 0, BLOCKS)
        assert (every["errors"], every["wrong"]) == (0, 0), every
    assert bed.reads_of_parent(node, image) == asked
    assert goes_through(node, image)


def test_a_storage_daemon_that_dies_is_replaced_under_a_reader(
    bed, reliability
):
    """Once with the agent there, once with one that comes later."""
    image, node = bed.serve_image(BLOCKS), bed.n1
    bed.create(node, "vm1", image)
    held = [kind for kind, _ in bed.held(node)]
    with bed.reading(node, image, per_second=5) as found:
        kill_daemon(node)
        wait_mended(node, image)
        bed.wait_reads(node, image, 20)
        bed.site.stop_agent(node, "KILL")
        kill_daemon(node)
        bed.wait_reads(node, image, 20)
        bed.site.start_agent(node)
        wait_mended(node, image)
        bed.wait_reads(node, image, 20)
    reliability.fault("agent killed")
    reliability.fault("storage daemon killed")
    reliability.read(found, "storage daemon killed")
    check(bed, node, image, found)
    assert [kind for kind, _ in bed.held(node)] == held


@pytest.fixture
def small(bed):
    """A node whose cache has a file system of its own, of a given size."""
    node = bed.n3

    def resize(size):
        node.run(["mount", "-o", f"remount,size={size}", CACHE])

    node.run(["mount", "-t", "tmpfs", "-o", "size=8g", "cache", CACHE])
    yield node, resize
    bed.destroy_all()
    node.run(["umount", CACHE])


def test_reads_pass_by_a_cache_whose_file_system_is_full(
    bed, reliability, small
):
    image, (node, resize) = bed.serve_image(BLOCKS), small
    bed.create(node, "vm1", image)
    daemon = node.run(DAEMON).stdout
    with bed.reading(node, image) as found:
        resize("6m")
        told = f"is full: what volume-{image} reads"
        node.wait_until(
            lambda: told in node.log("virtman").read_text(errors="replace"),
            timeout=120,
            goal="the operator is told",
        )
        bed.wait_reads(node, image, 20)
        checked = node.run(
            [bed.site.script("virtman"), "check", "--problems"],
            check=False, timeout=300,
        )  # fmt: skip
        resize("8g")
        wait_mended(node, image)
        bed.wait_reads(node, image, 20)
    reliability.read(found, "cache's file system full")
    assert node.run(DAEMON).stdout == daemon, "it went on"
    past = f"volume-{image} is read past its cache"
    assert past in checked.stdout, checked.stdout
    check(bed, node, image, found)
