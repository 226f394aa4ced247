# SPDX-License-Identifier: Apache-2.0
"""The only source of an image is away: reads wait, or fail after a limit."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from conftest import PATTERN

pytestmark = pytest.mark.lab

BLOCKS = 128
LIMIT = 6.0


@contextlib.contextmanager
def limited(bed, node):
    """Give a node's agent a limit; afterwards it has none again."""
    restart(bed, node, no_source_timeout=LIMIT)
    try:
        yield
    finally:
        restart(bed, node)


def restart(bed, node, signal="TERM", **options):
    bed.site.stop_agent(node, signal)
    bed.site.start_agent(node, **options)


def start_read(node, image, block):
    """Begin to read one block of a VM's disk."""
    argv = ["python3", "-S", PATTERN, "verify", "/dev/mapper/snapshot_vm1"]
    return node.start([*argv, image, str(block), "1"], log=f"read-{image}")


def end_read(node, image, reader):
    """Return what a read that was begun has found."""
    assert reader.wait(120) == 0
    said = node.log(f"read-{image}").read_text().splitlines()[-1]
    return json.loads(said)


def read(bed, node, image, first, count=1):
    disk = "/dev/mapper/snapshot_vm1"
    return bed.pattern(node, "verify", disk, image, first, count)


def waits(node, image):
    """Tell whether the device has reads wait when no path lives."""
    table = node.run(["dmsetup", "table", f"multipath_volume-{image}"])
    return "queue_if_no_path" in table.stdout


def test_reads_fail_after_the_limit_where_there_is_one_and_wait_elsewhere(
    bed, reliability
):
    node, other = bed.n1, bed.n2
    image, others = bed.serve_image(BLOCKS), bed.serve_image(BLOCKS)
    with limited(bed, node):
        bed.create(node, "vm1", image)
        bed.create(other, "vm1", others)
        assert read(bed, node, image, 0, 8)["errors"] == 0
        # The limit counts from the cut; a slow node's read begins later.
        cut = time.monotonic()
        bed.master.cut_link()
        try:
            failing = start_read(node, image, 20)
            waiting = start_read(other, others, 20)
            failed = end_read(node, image, failing)
            waited_for = time.monotonic() - cut
            assert not waits(node, image)
            assert waits(other, others)
            restart(bed, node, "KILL", no_source_timeout=LIMIT)
            assert not waits(node, image), "the next agent leaves it so"
            again = read(bed, node, image, 21)
            cached = read(bed, node, image, 0, 8)
            assert waiting.poll() is None, "without a limit it waits"
        finally:
            bed.master.restore_link()
        waited = end_read(other, others, waiting)
        node.wait_until(
            lambda: waits(node, image),
            timeout=120,
            goal="reads wait again, for the source is back",
        )
        after = read(bed, node, image, 20, BLOCKS - 20)
    reliability.fault("image server: network cut", 2)
    reliability.say(f"no source, limit {LIMIT:g} s: {failed}, then {after}")
    reliability.say(f"no source, no limit: {waited}")
    # An error that was asked for is no guest error.
    reliability.lost(
        guest_errors=waited["errors"] + cached["errors"] + after["errors"],
        data_mismatches=after["wrong"] + waited["wrong"] + cached["wrong"],
    )
    assert (failed["errors"], again["errors"]) == (1, 1)
    assert waited_for >= LIMIT, failed
    assert (waited["blocks"], waited["wrong"]) == (1, 0), waited
    assert (cached["blocks"], cached["wrong"]) == (8, 0), cached
    assert (after["blocks"], after["wrong"]) == (BLOCKS - 20, 0), after
