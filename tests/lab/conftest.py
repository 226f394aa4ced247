# SPDX-License-Identifier: Apache-2.0
"""One cluster for all tests here that can share it: a site of four nodes.

A failing test prints the end of every node's console and of every daemon's
log.  The cluster is taken down at the end, whatever happened.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from demo import probe
from demo.site import CHECKOUT, Site, side_by_side
from lab.cluster import Cluster
from lab.spec import NodeSpec

PATTERN = str(Path(__file__).parent / "guest" / "pattern.py")
BLOCK = 65536
BLOCKS = 1024
NODES = ("master", "n1", "n2", "n3")
_TAIL = 2500


class Bed:
    """The site, and what tests do on it again and again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.master = site.master
        self.n1, self.n2, self.n3 = site.computes
        self._numbers = itertools.count(1)

    def pattern(self, node, *arguments, timeout=300):
        """Run tests/lab/guest/pattern.py in a node; return what it found."""
        argv = ["python3", "-S", PATTERN, *map(str, arguments)]
        return json.loads(node.run(argv, timeout=timeout).stdout)

    def serve_image(self, blocks=BLOCKS):
        """Export a new image from the master; return its name and file."""
        name = f"img{next(self._numbers)}"
        file = f"/var/lib/virtman/{name}.raw"
        self.pattern(self.master, "make", file, blocks, name)
        answer = self.site.call(self.master, "create_image_target", name, file)
        assert answer.startswith("0:"), answer
        return name

    def create(self, node, vm, image, **more):
        """Create a VM disk and insist on success."""
        answer = self.site.create(node, vm, image, **more)
        assert answer == f"0:/dev/mapper/snapshot_{vm}", answer

    def destroy_all(self):
        """Destroy every VM disk and image; nothing of ours may stay."""

        def destroy(node):
            for entry in self.site.call(node, "list"):
                vm = entry.split(":")[0]
                assert self.site.call(node, "destroy", vm) == "0:"

        side_by_side(destroy, self.site.computes)
        self.site.wait_idle_computes()
        for entry in self.site.call(self.master, "list_image_target"):
            name = entry.split(":")[0]
            answer = self.site.call(self.master, "destroy_image_target", name)
            assert answer == "0:", answer

    def held(self, node):
        """Return what a node holds besides its agent, for comparing."""
        return sorted(
            (item["kind"], item["name"])
            for item in node.leftovers()
            if item["name"] != "virtman-server"
        )

    def reads_of_parent(self, node, image):
        """Return the sectors that a node's multipath device was asked for."""
        device = f"/dev/mapper/multipath_volume-{image}"
        script = 'cat /sys/dev/block/$(stat -Lc "%Hr:%Lr" $0)/stat'
        done = node.run(["sh", "-c", script, device])
        return int(done.stdout.split()[2])

    def hydrated(self, node, image):
        """Tell whether every region of an image is local to a node."""
        log = node.log("virtman").read_text(errors="replace")
        return f"hydrate-volume-{image}: the whole image" in log

    def wait_parents(self, node, image, wanted, timeout=120):
        """Wait until a node's first source is the wanted node."""
        node.wait_until(
            lambda: (
                probe.parents(node, f"volume-{image}")[:1] == [wanted.address]
            ),
            timeout=timeout,
            what=f"{node.name} reads {image} from {wanted.name}",
        )


@pytest.fixture(scope="session")
def lab_site():
    folder = CHECKOUT / "build" / "lab" / "test-site"
    cluster = Cluster(folder, [NodeSpec(name) for name in NODES], say=print)
    cluster.down()
    with cluster:
        site = Site(cluster)
        try:
            site.start(source_timeout=30, heartbeat_interval=2)
        except BaseException:
            tell(cluster)
            raise
        yield site
        site.stop()


@pytest.fixture
def bed(lab_site):
    """The shared site, empty before the test and empty again after it."""
    found = Bed(lab_site)
    yield found
    found.destroy_all()


@pytest.fixture(autouse=True)
def consoles_of_a_failed_test(request):
    yield
    outcome = request.node.stash.get(_OUTCOME, None)
    if outcome is not None and "lab_site" in request.fixturenames:
        tell(request.getfixturevalue("lab_site").cluster)


_OUTCOME = pytest.StashKey[str]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.stash[_OUTCOME] = report.when


def tell(cluster):
    """Print the ends of the consoles and of the daemons' logs."""
    for node in cluster.nodes.values():
        console = node.machine.console_tail()[-_TAIL:]
        print(f"--- console of {node.name}\n{console}")
    for log in sorted(cluster.share.glob("logs/*/*")):
        text = log.read_text(errors="replace")
        print(f"--- {log.parent.name} {log.name}\n{text[-_TAIL:]}")
