# SPDX-License-Identifier: Apache-2.0
"""Agents killed on nodes after some of their changes, or after all.

The changes are not listed: :mod:`virtman.steps` counts them, and rounds go on
until an agent gets through (tests/lab/guest/killpoints.py).
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from demo.site import CHECKOUT, side_by_side

DRIVER = str(Path(__file__).parent / "guest" / "killpoints.py")
CONF = "/run/killed.conf"
# Options that the driver's agents have values of their own for.
OURS = ("heartbeat_interval", "source_timeout")
# Of all rounds on one node, in a soak.
PATIENCE = 2400
# Where it is not a soak: the first change and the step from there.
SOME = {"disk": (8, 9), "target": (3, 5), "move": (8, 9)}


class Points:
    """The numbers of the changes after which agents are killed."""

    def __init__(self, story, *, every):
        self.story = story
        self.first, self.step = (1, 1) if every else SOME[story]

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
