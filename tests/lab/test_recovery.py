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

    def share(self, place, of):
        """Return the first number and the step of one node of so many."""
        return self.first + place * self.step, self.step * of

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


def kill(bed, node, plans):
    """Go through kill points on a node, story after story.

    :param plans: story, image or file, first number and step of each.
    :returns: the driver's word on each round, and on the end of each story.
    """
    conf = node.get("/etc/virtman/virtman.conf").decode()
    kept = [line for line in conf.splitlines() if not line.startswith(OURS)]
    more = ["heartbeat_interval = 0.5", "source_timeout = 60", ""]
    node.put(CONF, "\n".join([*kept, *more]).encode())
    done = node.run(
        [str(CHECKOUT / ".venv/bin/python"), DRIVER, CONF, node.address,
         "7774", bed.master.address,
         *(",".join(map(str, plan)) for plan in plans)],
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.code == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def kill_everywhere(bed, plans):
    """Go through the kill points of stories, shared out among the nodes.

    :param plans: the points of each story and what it is about, which is one
        thing a node, so that none waits for another's leaving.
    """
    nodes, told = bed.site.computes, []

    def go(node):
        place = nodes.index(node)
        mine = [
            (points.story, what[place], *points.share(place, len(nodes)))
            for points, what in plans
        ]
        told.extend(kill(bed, node, mine))

    with without_agents(bed, nodes):
        side_by_side(go, nodes)
    return told


def judge(told, points, reliability):
    """Hold that every round ended well and that none is missing.

    :returns: after what agents were killed, in order.
    """
    mine = [item for item in told if item["story"] == points.story]
    rounds = [item for item in mine if "number" in item]
    ends = [item for item in mine if "number" not in item]
    killed = [item for item in rounds if item["after"] is not None]
    reliability.fault("agent killed", len(killed))
    for item in mine:
        reliability.lost(
            leftovers=item["left"], data_mismatches=bool(item.get("error"))
        )
    bad = [item for item in mine if item.get("error") or item["left"]]
    assert bad == []
    assert ends
    killed.sort(key=lambda item: item["number"])
    # One node's agent may have made a change or two more than another's.
    through = min(item["number"] for item in rounds if item["after"] is None)
    wanted = set(range(points.first, through, points.step))
    assert wanted <= {item["number"] for item in killed}, "one is missing"
    took = sum(item["took_s"] for item in rounds)
    reliability.say(f"{points.story}: {len(rounds)} rounds in {took:.0f} s")
    return [item["after"] for item in killed]


def saw(killed, points, *steps):
    """Hold that agents were killed after these changes, in a soak."""
    print(killed)
    for step in steps if points.step == 1 else ():
        assert any(point.startswith(step) for point in killed), killed


def test_an_agent_killed_after_any_change_finds_its_way(
    bed, reliability, choose
):
    file = "/var/lib/virtman/killed.raw"
    images = [bed.serve_image(blocks=BLOCKS) for _ in bed.site.computes]
    side_by_side(
        lambda node: bed.pattern(node, "make", file, BLOCKS, "killed"),
        bed.site.computes,
    )
    disk, target = choose("disk"), choose("target")
    told = kill_everywhere(bed, [(disk, images), (target, [file] * 3)])
    saw(judge(told, disk, reliability), disk, *SEEN)
    saw(judge(told, target, reliability), target, "losetup", "tgtadm")
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
        told = kill(
            bed, bed.n3, [(points.story, image, points.first, points.step)]
        )
    reader = told[-1]["reader"]
    reliability.read(reader)
    reliability.say(f"agent killed while its parent changed: {reader}")
    killed = judge(told, points, reliability)
    assert (reader["errors"], reader["wrong"]) == (0, 0), reader
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
    try:
        node.run(["sync"])
        node.power_off_hard()
        reliability.fault("image server power cut")
        bed.site.revive(node)
        node.wait_until(
            lambda: len(bed.site.call(node, "list_image_target")) == 1,
            timeout=120,
            what="its target is back",
        )
        bed.create(bed.n3, "vm1", "served", server=node)
        found = bed.pattern(
            bed.n3, "verify", "/dev/mapper/snapshot_vm1", "served", 0, BLOCKS
        )
    finally:
        bed.site.call(bed.n3, "destroy", "vm1")
        node.wait_until(
            lambda: (
                bed.site.call(node, "destroy_image_target", "served") == "0:"
            ),
            timeout=120,
            what="its last reader has left",
        )
        node.run(["rm", file])
    reliability.read(found)
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)
