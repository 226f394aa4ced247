# SPDX-License-Identifier: Apache-2.0
"""The agent killed after each change that it makes, and nodes without power.

The changes are not listed: :mod:`virtman.steps` counts them, and rounds go on
until an agent gets through (tests/lab/guest/killpoints.py).  ``make soak``
goes through all of them.  Other runs have the time for some, spread evenly
and others each day, so that some days see them all.
"""

from __future__ import annotations

import contextlib
import datetime
import json
from pathlib import Path

import pytest

from demo import probe
from demo.site import CHECKOUT, side_by_side

pytestmark = pytest.mark.lab

DRIVER = str(Path(__file__).parent / "guest" / "killpoints.py")
CONF = "/run/killed.conf"
# Options that the driver's agents have values of their own for.
OURS = ("heartbeat_interval", "source_timeout")
# Of all rounds on one node, in a soak.
PATIENCE = 2400
# Where it is not a soak an agent is killed after one change in so many.
ONE_IN = {"disk": 9, "target": 5, "move": 9}
BLOCKS = 64
# Some changes that must be among those that agents were killed after.
SEEN = (
    "intent", "login", "dmsetup create", "qemu_storage_daemon", "nbd_client",
    "tgtadm", "dmsetup remove", "logout",
)  # fmt: skip


class Points:
    """The numbers of the changes after which agents are killed."""

    def __init__(self, story, *, every):
        self.story = story
        self.step = 1 if every else ONE_IN[story]
        self.first = datetime.date.today().toordinal() % self.step + 1

    def shared_by(self, nodes):
        """Yield each node's first number and step."""
        for place in range(len(nodes)):
            yield self.first + place * self.step, self.step * len(nodes)

    def __str__(self):
        return (
            f"{self.story}: killed after each change"
            if self.step == 1
            else f"{self.story}: killed after change {self.first} and each "
            f"{self.step}th from there, as all would take too long; "
            "make soak has all"
        )


@pytest.fixture
def choose(request, reliability):
    """Choose the points of a story, and have that told."""
    every = request.config.getoption("--soak", default=False)

    def choose(story):
        points = Points(story, every=every)
        reliability.say(str(points))
        return points

    return choose


@contextlib.contextmanager
def without_agents(bed, nodes):
    """Have no agents on some nodes but those of the test."""
    side_by_side(bed.site.stop_agent, nodes)
    try:
        yield
    finally:
        side_by_side(bed.site.start_agent, nodes)


def kill(bed, node, story, what, first, step):
    """Go through kill points on a node; return its rounds and its end."""
    conf = node.get("/etc/virtman/virtman.conf").decode()
    kept = [line for line in conf.splitlines() if not line.startswith(OURS)]
    more = ["heartbeat_interval = 0.5", "source_timeout = 60", ""]
    node.put(CONF, "\n".join([*kept, *more]).encode())
    done = node.run(
        [str(CHECKOUT / ".venv/bin/python"), DRIVER, story, CONF,
         node.address, "7774", what, bed.master.address, str(first),
         str(step)],
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.code == 0, done.stdout[-2000:] + done.stderr[-2000:]
    *rounds, end = map(json.loads, done.stdout.splitlines())
    return rounds, end


def kill_everywhere(bed, points, images):
    """Go through kill points, shared out among the nodes.

    :param images: one a node, so that none waits for another's leaving.
    """
    nodes, told = bed.site.computes, []
    shares = dict(zip(nodes, points.shared_by(nodes), strict=True))

    def go(node):
        what = images[nodes.index(node)]
        told.append(kill(bed, node, points.story, what, *shares[node]))

    with without_agents(bed, nodes):
        side_by_side(go, nodes)
    assert [end["left"] for _, end in told] == [[]] * len(nodes)
    return [item for rounds, _ in told for item in rounds]


def judge(rounds, points, reliability):
    """Hold that every round ended well and that none is missing.

    :returns: after what agents were killed, in order.
    """
    killed = [item for item in rounds if item["after"] is not None]
    reliability.fault("agent killed", len(killed))
    for item in rounds:
        reliability.lost(
            leftovers=item["left"], data_mismatches=bool(item["error"])
        )
    bad = [item for item in rounds if item["error"] or item["left"]]
    assert bad == []
    killed.sort(key=lambda item: item["number"])
    numbers = [item["number"] for item in killed]
    wanted = [points.first + n * points.step for n in range(len(killed))]
    assert numbers == wanted, "a point is missing"
    took = sum(item["took_s"] for item in rounds)
    reliability.say(f"{points.story}: {len(rounds)} rounds in {took:.0f} s")
    return [item["after"] for item in killed]


def saw(killed, points, *steps):
    """Hold that agents were killed after these changes, in a soak."""
    print(killed)
    for step in steps if points.step == 1 else ():
        assert any(point.startswith(step) for point in killed), killed


def test_an_agent_killed_after_any_change_to_a_disk_finds_its_way(
    bed, reliability, choose
):
    images = [bed.serve_image(blocks=BLOCKS) for _ in bed.site.computes]
    points = choose("disk")
    rounds = kill_everywhere(bed, points, images)
    saw(judge(rounds, points, reliability), points, *SEEN)


def test_an_agent_killed_after_any_change_to_a_target_finds_its_way(
    bed, reliability, choose
):
    file = "/var/lib/virtman/killed.raw"
    for node in bed.site.computes:
        bed.pattern(node, "make", file, BLOCKS, "killed")
    points = choose("target")
    rounds = kill_everywhere(bed, points, [file] * 3)
    saw(judge(rounds, points, reliability), points, "losetup", "tgtadm")
    for node in bed.site.computes:
        found = bed.pattern(node, "verify", file, "killed", 0, BLOCKS)
        assert found["wrong"] == 0
        node.run(["rm", file])


def test_an_agent_killed_while_its_parent_changes_goes_on_under_a_reader(
    bed, reliability, choose
):
    image = bed.serve_image()
    for node in (bed.n1, bed.n2):
        bed.create(node, "vm1", image)
    points = choose("move")
    with without_agents(bed, [bed.n3]):
        rounds, end = kill(
            bed, bed.n3, points.story, image, points.first, points.step
        )
    reliability.read(end["reader"])
    killed = judge(rounds, points, reliability)
    assert end["left"] == []
    assert (end["reader"]["errors"], end["reader"]["wrong"]) == (0, 0), end
    saw(killed, points, "dmsetup load", "dmsetup resume", "logout")


def test_two_instances_are_back_with_their_writes_after_a_power_cut(
    bed, reliability
):
    image = bed.serve_image(blocks=BLOCKS)
    node, disks = bed.n1, [f"/dev/mapper/snapshot_vm{n}" for n in (1, 2)]
    for vm in ("vm1", "vm2"):
        bed.create(node, vm, image)
    for disk in disks:
        probe.write(node, disk, skip=1, count=1)
    before = [probe.digest(node, disk) for disk in disks]
    node.power_off_hard()
    reliability.fault("node power cut")
    bed.site.revive(node)
    node.wait_until(
        lambda: bed.site.call(node, "list") == [
            f"vm1:volume-{image}", f"vm2:volume-{image}",
        ],
        timeout=120,
        what="both instances are back",
    )  # fmt: skip
    after = [probe.digest(node, disk) for disk in disks]
    wrong = sum(a != b for a, b in zip(after, before, strict=True))
    reliability.lost(data_mismatches=wrong)
    assert after == before
    assert after[0] != after[1], "each has its own writes"


def test_an_image_server_is_back_after_a_power_cut_under_a_reader(
    bed, reliability
):
    """The image target is exported again and the tree goes on from it."""
    node = bed.n2
    file = "/var/lib/virtman/served.raw"
    bed.pattern(node, "make", file, BLOCKS, "served")
    answer = bed.site.call(node, "create_image_target", "served", file)
    assert answer.startswith("0:"), answer
    node.run(["sync"])
    node.power_off_hard()
    reliability.fault("image server power cut")
    bed.site.revive(node)
    (target,) = bed.site.call(node, "list_image_target")
    assert target.startswith("volume-served:")
    answer = bed.site.call(bed.n3, "create", "vm1", "served", node.address)
    assert answer == "0:/dev/mapper/snapshot_vm1"
    found = bed.pattern(
        bed.n3, "verify", "/dev/mapper/snapshot_vm1", "served", 0, BLOCKS
    )
    reliability.read(found)
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)
    bed.destroy_all()
    assert bed.site.call(node, "destroy_image_target", "served") == "0:"
    node.run(["rm", file])
