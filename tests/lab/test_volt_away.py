# SPDX-License-Identifier: Apache-2.0
"""volt is killed under a running VM, and comes back.

Nothing that reads waits for it, disks are created meanwhile, and afterwards
every node is in its trees again without anybody's help.
"""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.lab

BLOCKS = 1024
FEW = 64


# Prints the addresses of the nodes in a tree; none where there is no tree.
ASK = """
import json, sys, urllib.error, urllib.request
token = open("/etc/volt/token").readline().strip()
request = urllib.request.Request(sys.argv[1], headers={"X-Auth-Token": token})
try:
    found = json.load(urllib.request.urlopen(request, timeout=10))["peers"]
except urllib.error.HTTPError as error:
    assert error.code == 404, error
    found = []
print(json.dumps(sorted(peer["member"] for peer in found)))
"""


def nodes_in(bed, image):
    """Return the addresses that volt knows in the tree of an image."""
    url = f"http://{bed.master.address}:7447/v1/trees/volume-{image}"
    done = bed.master.run(["python3", "-S", "-c", ASK, url])
    return json.loads(done.stdout)


def test_nobody_waits_for_a_volt_that_was_killed(bed, reliability):
    image, other = bed.serve_image(BLOCKS), bed.serve_image(FEW)
    child, parent = bed.branch(image)
    before = nodes_in(bed, image)
    with bed.reading(child, image) as found:
        bed.site.stop_volt("KILL")
        try:
            bed.create(child, "vm2", image)
            bed.create(parent, "vm2", other)
            bed.wait_reads(child, image, 50)
            new = bed.pattern(
                parent, "verify", "/dev/mapper/snapshot_vm2", other, 0, FEW
            )
        finally:
            bed.site.start_volt()
        parent.wait_until(
            lambda: nodes_in(bed, other) == [parent.address],
            timeout=120,
            goal="the node that deployed an image meanwhile has its place",
        )
        bed.wait_reads(child, image, 50)
    reliability.read(found, "volt killed")
    reliability.lost(data_mismatches=new["wrong"])
    assert (new["blocks"], new["wrong"]) == (FEW, 0)
    assert (found["errors"], found["wrong"]) == (0, 0), found
    assert nodes_in(bed, image) == before
