# SPDX-License-Identifier: Apache-2.0
"""One cluster for all tests here that can share it: a site of four nodes.

The report of a failing test shows the end of every node's console and of
every daemon's log; the cluster is always taken down (lab.pytest_plugin).
"""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path

import emulated
import pytest
from reliability import Reliability

from demo import probe, telling
from demo.site import CHECKOUT, Site, side_by_side
from lab import arguments, usermode
from lab.pytest_plugin import (
    cluster,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)
from lab.spec import HOST, MACHINES, NodeSpec

__all__ = [
    "bed",
    "cluster",
    "lab_site",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
]

GUEST = Path(__file__).parent / "guest"
PATTERN = str(GUEST / "pattern.py")
BLOCK = 65536
BLOCKS = 1024
NODES = ("master", "n1", "n2", "n3")
# Two processes share the tests, file by file: the last ones are to be short.
LONGEST = ("test_recovery.py",)
FIGURES = pytest.StashKey[Reliability]()
MACHINE = pytest.StashKey[str]()
LEFT_OUT = pytest.StashKey[list[str]]()


class Bed:
    """The site, and what tests do on it again and again."""

    # Across all tests: what a log says of an image is of this test's.
    _numbers = itertools.count(1)

    def __init__(self, site: Site) -> None:
        self.site = site
        self.master = site.master
        self.n1, self.n2, self.n3 = site.computes
        self._said_before = 0

    def pattern(self, node, *arguments, timeout=300):
        """Run tests/lab/guest/pattern.py in a node; return what it found."""
        argv = ["python3", "-S", PATTERN, *map(str, arguments)]
        return json.loads(node.run(argv, timeout=timeout).stdout)

    def serve_image(self, blocks=BLOCKS):
        """Export a new image from the master; return its name and file."""
        name = f"img{next(self._numbers)}"
        self._said_before = len(self._volt_log())
        file = f"/var/lib/virtman/{name}.raw"
        self.pattern(self.master, "make", file, blocks, name)
        answer = self.site.call(self.master, "create_image_target", name, file)
        assert answer.startswith("0:"), answer
        return name

    def create(self, node, vm, image, **more):
        """Create a VM disk and insist on success."""
        answer = self.site.create(node, vm, image, **more)
        assert answer == f"0:/dev/mapper/snapshot_{vm}", answer

    def branch(self, image):
        """Make a disk on every node; return a child and its parent."""
        for node in self.site.computes:
            self.create(node, "vm1", image)
        tree = self.wait_tree(image, depth=2)
        child, sources = next(
            (name, sources)
            for name, sources in tree.items()
            if sources[0] != "master"
        )
        nodes = self.site.cluster.nodes
        return nodes[child], nodes[sources[0]]

    @contextlib.contextmanager
    def reading(self, node, image, per_second=10):
        """Read a VM's disk, each block once; fill in what was found."""
        found = {}
        log = f"trickle-{image}"
        reader = node.start(
            ["python3", "-S", PATTERN, "trickle", "/dev/mapper/snapshot_vm1",
             image, "/run/stop", str(per_second)],
            log=log,
        )  # fmt: skip
        try:
            self.wait_reads(node, image, 50)
            yield found
        finally:
            node.run(["touch", "/run/stop"])
            code = reader.wait(120)
            node.run(["rm", "/run/stop"])
        assert code == 0, node.log(log).read_text()
        found.update(json.loads(node.log(log).read_text().splitlines()[-1]))
        names = {one.address: one.name for one in self.site.nodes}
        found["read_from"] = {
            names[address]: size
            for address, size in found["read_from"].items()
        }

    def wait_reads(self, node, image, blocks):
        """Wait until so many blocks more were read from other nodes."""
        begin = self.reads_of_parent(node, image)
        node.wait_until(
            lambda: (
                self.reads_of_parent(node, image) - begin
                >= blocks * BLOCK // 512
            ),
            timeout=180,
            goal=f"{blocks} more blocks of {image} come from its parents",
        )

    def reads_from(self, node, parent, image):
        """Tell whether a node reads an image from a parent now, best first.

        The parent's path must be one that the kernel uses.
        """
        sources = probe.parents(node, f"volume-{image}")
        if sources[:1] != [parent.address]:
            return False
        status = node.run(["dmsetup", "status", f"multipath_volume-{image}"])
        return " F " not in status.stdout

    def said_by_volt(self, text):
        """Tell whether volt's log has these words since the last image.

        What volt has said in the tests before is theirs.
        """
        return text in self._volt_log()[self._said_before :]

    def _volt_log(self):
        return self.master.log("volt").read_text(errors="replace")

    def destroy_all(self):
        """Destroy every VM disk and image; nothing of ours may stay."""

        def destroy(node):
            # A call takes seconds in an emulated node, this question less.
            if not self.held(node):
                return
            for entry in self.site.call(node, "list"):
                vm = entry.split(":")[0]
                assert self.site.call(node, "destroy", vm) == "0:"

        side_by_side(destroy, self.site.computes)
        self.site.wait_idle_computes()
        if not self.held(self.master):
            return
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

    def wait_tree(self, image, depth=2):
        """Wait until the tree is so deep; return each node's sources."""
        return self.n1.wait_until(
            lambda: self._tree_of(image, depth),
            timeout=120,
            goal=f"the tree of {image} is {depth} levels deep",
        )

    def _tree_of(self, image, depth):
        tree = probe.tree(self.site.nodes, f"volume-{image}")
        return tree if telling.depth("master", tree) == depth else None


def machine_of(config):
    """Return what runs the kernels, "uml" or "qemu"; tried once a process."""
    machine = config.getoption("--machine", default="qemu")
    if machine != "auto":
        return machine
    if MACHINE not in config.stash:
        config.stash[MACHINE] = "uml" if usermode.works() else "qemu"
    return config.stash[MACHINE]


@pytest.fixture(scope="session")
def lab_nodes(request):
    machine = machine_of(request.config)
    root = request.config.getoption("--root", default=HOST)
    return [NodeSpec(name, machine=machine, root=root) for name in NODES]


@pytest.fixture(scope="session")
def lab_site(cluster):
    site = Site(cluster)
    try:
        # Long before volt evicts a node its children shall have moved.
        site.start(
            # A starved node must still get in with a ticket it was given.
            {"missed_beats": 24, "ticket_life": 60},
            source_timeout=60,
            heartbeat_interval=2,
        )
    except BaseException:
        tell(cluster)
        raise
    yield site
    site.stop()


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="thrash, too")
    parser.addoption(
        "--machine", choices=("auto", *MACHINES), default="qemu",
        help="what runs the kernels (doc/source/lab.rst); auto: uml if that "
        "works here, else qemu",
    )  # fmt: skip
    parser.addoption(
        "--root", type=arguments.root, default=HOST,
        help="what nodes have for /: a folder of tools/debian-root",
    )  # fmt: skip
    parser.addoption(
        "--brief", action="store_true",
        help="on emulated machines leave out what takes too long there "
        "(tests/lab/emulated.py)",
    )  # fmt: skip
    parser.addoption("--seed", type=int, help="of a thrash; default: a new")
    parser.addoption(
        "--minutes", type=float, default=15, help="of a thrash; default: 15"
    )


def pytest_collection_modifyitems(config, items):
    """Leave to a soak what is only for it; begin with what takes longest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    if not config.getoption("--soak", default=False):
        _leave_out(
            config,
            items,
            [item for item in items if item.get_closest_marker("soak")],
        )
    if config.getoption("--brief", default=False):
        _leave_out_slow(config, items)
    _say_left_out(config)


def _leave_out_slow(config, items):
    """Leave out what emulated machines take too long for, if there are."""
    slow = [item for item in items if emulated.reason(item.nodeid)]
    if slow and machine_of(config) == "qemu":
        _leave_out(config, items, slow)
        config.stash[LEFT_OUT] = [item.nodeid for item in slow]


def _leave_out(config, items, some):
    config.hook.pytest_deselected(items=some)
    items[:] = [item for item in items if item not in some]


@pytest.fixture(scope="session")
def reliability(request):
    """What all tests of this process break, and what comes of it."""
    config = request.config
    found = config.stash[FIGURES] = Reliability()
    yield found
    if hasattr(config, "workeroutput"):
        config.workeroutput["reliability"] = found.state()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what a worker of pytest-xdist has found."""
    found = node.config.stash.setdefault(FIGURES, Reliability())
    output = getattr(node, "workeroutput", {})
    if state := output.get("reliability"):
        found.absorb(state)
    # Each worker collects all tests, and leaves out the same.
    if names := output.get("left_out"):
        node.config.stash[LEFT_OUT] = names


def _say_left_out(config):
    """Tell what was left out, if this is a worker of pytest-xdist."""
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output["left_out"] = config.stash.get(LEFT_OUT, [])


def pytest_terminal_summary(terminalreporter, config):
    """Write and print what was broken, and what the readers noticed."""
    found = config.stash.get(FIGURES, None)
    if found:
        found.write(CHECKOUT / "build" / "reliability.json")
        terminalreporter.section("reliability")
        for line in (*found.said, f"in all: {found.figures()}"):
            terminalreporter.write_line(line)
    _name_left_out(terminalreporter, config)


def _name_left_out(terminalreporter, config):
    """Name the tests that emulated machines take too long for."""
    names = config.stash.get(LEFT_OUT, [])
    if names:
        terminalreporter.section("left out on emulated machines")
        for name in names:
            told = f"{name}: {emulated.reason(name)}"
            terminalreporter.write_line(told)
        terminalreporter.write_line(
            f"{len(names)} tests are left out; with user-mode Linux they are "
            "run (python -m lab doctor says why it does not run here)"
        )


@pytest.fixture
def bed(lab_site):
    """The shared site, empty before the test and empty again after it."""
    found = Bed(lab_site)
    yield found
    found.destroy_all()


def tell(cluster):
    """Print why the site did not come up: consoles and daemons' logs."""
    for node in cluster.nodes.values():
        print(f"--- console of {node.name}\n{node.machine.console_tail(20)}")
    for log in sorted(cluster.share.glob("logs/*/*")):
        text = log.read_text(errors="replace")
        print(f"--- {log.parent.name} {log.name}\n{text[-2000:]}")
