# SPDX-License-Identifier: Apache-2.0
"""The sample XML under real libvirt, inside a node."""

from __future__ import annotations

import pytest

from demo.site import CHECKOUT

pytestmark = pytest.mark.lab

# libvirt asks QEMU what it can do, for a minute and more under emulation.
PATIENCE = 400


@pytest.fixture
def virsh(bed):
    """Run virsh on n1, whose libvirtd is started for the test."""
    node = bed.n1
    daemons = [
        node.start([name], log=name) for name in ("virtlogd", "libvirtd")
    ]

    def run(*arguments):
        return node.run(["virsh", *arguments], timeout=PATIENCE).stdout

    node.wait_until(["virsh", "list"], timeout=PATIENCE)
    yield run
    node.run(["virsh", "destroy", "vm1"], check=False, timeout=PATIENCE)
    for daemon in reversed(daemons):
        daemon.kill("TERM")
        daemon.wait(60)


def test_virsh_creates_lists_shows_and_destroys_a_vm_on_its_disk(bed, virsh):
    image = bed.serve_image(blocks=64)
    bed.create(bed.n1, "vm1", image)
    sample = CHECKOUT / "etc" / "virtman" / "vm.xml.sample"
    assert "vm1" in virsh("create", str(sample))
    assert "running" in virsh("list")
    assert virsh("vncdisplay", "vm1").strip() == "127.0.0.1:1"
    assert "/dev/mapper/snapshot_vm1" in virsh("domblklist", "vm1")

    refused = bed.site.call(bed.n1, "destroy", "vm1")
    assert refused.startswith("2:"), "a disk in use is not taken away"
    assert "in use" in refused

    virsh("destroy", "vm1")
    assert "vm1" not in virsh("list", "--all")
    assert bed.site.call(bed.n1, "destroy", "vm1") == "0:"
