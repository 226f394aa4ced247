# SPDX-License-Identifier: Apache-2.0
"""No waves: who stands deep in the tree waits no longer than the others."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from demo.site import CHECKOUT, side_by_side

pytestmark = pytest.mark.lab


@pytest.fixture
def chain(bed):
    """A site whose new trees are chains, the deepest that there can be."""
    bed.site.stop_volt()
    bed.site.start_volt(fanout=1)
    yield bed
    bed.destroy_all()
    bed.site.stop_volt()
    bed.site.start_volt()


def test_the_first_byte_comes_as_soon_at_depth_three_as_at_one(chain):
    bed, took = chain, {}
    image = bed.serve_image(blocks=256)

    def ask(node):
        began = time.monotonic()
        bed.create(node, "vm1", image)
        node.run(["dd", "if=/dev/mapper/snapshot_vm1", "of=/dev/null",
                  "bs=4k", "count=1", "skip=900", "iflag=direct"])  # fmt: skip
        took[node.name] = round(time.monotonic() - began, 2)

    side_by_side(ask, bed.site.computes)
    tree = bed.wait_tree(image, depth=3)
    top = next(name for name, up in tree.items() if up[0] == "master")
    figures = {"seconds": took, "tree": tree, "first": top}
    path = Path(CHECKOUT) / "build" / "first-byte.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"time from asking to the first byte: {figures}")
    # A wave would take the time of one whole create more for each level.
    assert max(took.values()) < 2 * took[top], figures
