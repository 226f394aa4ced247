# SPDX-License-Identifier: Apache-2.0
"""A real multipathd beside the agent: what it takes, and what check says.

It is unpacked into one node's memory: installed on the host, its udev rules
would be in force in every node of every test.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from demo.site import CHECKOUT
from lab.spec import HOST

pytestmark = pytest.mark.lab

PACKAGES = ("multipath-tools", "liburcu8")
FOLDER = "/etc/multipath/conf.d"
# All that a default multipathd of 0.9 would take: two paths of one identifier.
GREEDY = b"defaults {\n  find_multipaths greedy\n}\n"


@pytest.fixture(scope="module")
def packages(cluster):
    """What is in the Debian packages, as archives that the nodes see."""
    if {spec.root for spec in cluster.specs} != {HOST}:
        pytest.skip("apt brings a multipathd for the host's own release")
    folder = cluster.directory / "share" / "debs"
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download",
         *PACKAGES],
        cwd=folder, check=True, timeout=300,
    )  # fmt: skip
    for file in folder.glob("*.deb"):
        with file.with_suffix(".tar").open("wb") as tar:
            subprocess.run(
                ["dpkg-deb", "--fsys-tarfile", file], stdout=tar, check=True
            )
    return [f"/share/debs/{file.name}" for file in folder.glob("*.tar")]


@pytest.fixture
def node(bed, packages):
    """A node where multipathd runs; as it was before, at the end."""
    node = bed.n3
    for package in packages:
        # Not "dpkg -x": it puts a directory where /lib is a link to /usr/lib.
        unpack = ["tar", "-x", "--keep-directory-symlink", "-C", "/"]
        node.run([*unpack, "-f", package])
    node.run(["mkdir", "-p", FOLDER])
    node.put(FOLDER + "/theirs.conf", GREEDY)
    daemon = node.start(["multipathd", "-d", "-s"], log="multipathd")
    yield node
    daemon.kill()
    node.run(["multipath", "-F"], check=False)
    node.run(["rm", "-rf", "/etc/multipath", "/sbin/multipathd"])


def told(bed, node):
    """Return the level and the words of check on multipathd."""
    done = node.run(
        [bed.site.script("virtman"), "check", "-f", "json"],
        timeout=300, check=False,
    )  # fmt: skip
    return next(
        (row["level"], row["what"])
        for row in json.loads(done.stdout)
        if "multipathd" in row["what"]
    )


def test_what_a_multipathd_goes_by_is_told_not_what_its_files_say(bed, node):
    node.wait_until(
        lambda: told(bed, node)[0] == "error",
        timeout=120,
        goal="multipathd says what it goes by",
    )
    ours = (CHECKOUT / "etc/multipath/virtman.conf").read_bytes()
    node.put(FOLDER + "/virtman.conf", ours)
    assert told(bed, node)[0] == "error"
    node.run(["multipathd", "reconfigure"])
    leaves = "multipathd leaves the agent's disks alone"
    assert told(bed, node) == ("ok", leaves)
    image = bed.serve_image(blocks=64)
    bed.create(node, "vm1", image)
    held = node.run(["dmsetup", "ls", "--target", "multipath"]).stdout
    names = [line.split()[0] for line in held.splitlines()]
    assert all(image in name for name in names), names
    assert bed.site.call(node, "destroy", "vm1") == "0:"
