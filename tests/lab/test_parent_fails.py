# SPDX-License-Identifier: Apache-2.0
"""A source dies under a reader that verifies every block.

No read may fail and none may give a wrong byte; how long the longest one took
is printed and goes to build/reliability.json.  A child has a new parent long
before volt finds the old one silent: volt evicts nobody in these tests.
"""

from __future__ import annotations

import pytest

from demo import probe
from lab import services
from lab.node import Node

pytestmark = pytest.mark.lab

BLOCKS = 1536


def check(found):
    assert found["blocks"] > 100, found
    assert found["left"] > 0, "it must have read from its parents to the end"
    assert (found["errors"], found["wrong"]) == (0, 0), found


def check_sources(found, parent):
    """Hold that the reader read from its parent, and from others."""
    read = found["read_from"]
    assert read[parent.name] > 0, read
    assert sum(read.values()) > read[parent.name], read


def wait_replaced(bed, child, parent, image):
    """Wait until a child reads from others, by volt's word alone."""
    child.wait_until(
        lambda: parent.address not in probe.parents(child, f"volume-{image}"),
        timeout=120,
        goal="the child has a new parent",
    )
    assert not bed.said_by_volt(f"{parent.address} is silent")


def test_a_parent_whose_target_process_dies_is_replaced_at_once(
    bed, reliability
):
    image = bed.serve_image(BLOCKS)
    child, parent = bed.branch(image)
    with bed.reading(child, image) as found:
        services.kill_target(parent)
        try:
            wait_replaced(bed, child, parent, image)
            bed.wait_reads(child, image, 50)
        finally:
            services.start_target(parent)
        child.wait_until(
            lambda: bed.reads_from(child, parent, image),
            timeout=120,
            goal="the parent exports it again and the child reads from there",
        )
        bed.wait_reads(child, image, 50)
    reliability.read(found, "parent: target process killed")
    check(found)
    check_sources(found, parent)


def test_a_parent_that_was_cut_off_is_read_from_again(bed, reliability):
    image = bed.serve_image(BLOCKS)
    child, parent = bed.branch(image)
    with bed.reading(child, image) as found:
        parent.cut_link()
        try:
            wait_replaced(bed, child, parent, image)
            bed.wait_reads(child, image, 50)
        finally:
            parent.restore_link()
        child.wait_until(
            lambda: bed.reads_from(child, parent, image),
            timeout=120,
            goal="the child reads from its old parent again",
        )
        bed.wait_reads(child, image, 50)
    reliability.read(found, "parent: network cut")
    check(found)
    check_sources(found, parent)


@pytest.mark.parametrize(
    ("fault", "take", "give"),
    [
        ("network cut", Node.cut_link, Node.restore_link),
        # What comes back knows none of those who had logged in.
        (
            "target process killed",
            services.kill_target,
            services.start_target,
        ),
    ],
)
def test_reads_wait_for_the_only_source_there_is_and_then_go_on(
    bed, reliability, fault, take, give
):
    image = bed.serve_image(BLOCKS)
    bed.create(bed.n1, "vm1", image)
    held = bed.held(bed.n1)
    with bed.reading(bed.n1, image) as found:
        take(bed.master)
        try:
            bed.n1.wait_until(
                lambda: not bed.reads_from(bed.n1, bed.master, image),
                timeout=60,
                goal="the path has failed",
            )
        finally:
            give(bed.master)
        bed.wait_reads(bed.n1, image, 50)
        assert bed.reads_from(bed.n1, bed.master, image)
    assert bed.held(bed.n1) == held
    reliability.fault(f"image server: {fault}")
    # Its stall is not among the others: it is as long as the fault.
    reliability.tell(found, f"image server: {fault}")
    reliability.lost(
        guest_errors=found["errors"], data_mismatches=found["wrong"]
    )
    check(found)


def test_a_parent_that_loses_its_power_is_replaced_at_once(bed, reliability):
    image = bed.serve_image(BLOCKS)
    child, parent = bed.branch(image)
    try:
        with bed.reading(child, image) as found:
            parent.power_off_hard()
            wait_replaced(bed, child, parent, image)
            bed.wait_reads(child, image, 50)
    finally:
        bed.site.revive(parent)
    parent.wait_until(
        lambda: bed.site.call(parent, "list") == [f"vm1:volume-{image}"],
        timeout=120,
        goal="its instance is back",
    )
    reliability.read(found, "parent: power cut")
    check(found)
    check_sources(found, parent)
