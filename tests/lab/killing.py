# SPDX-License-Identifier: Apache-2.0
"""Agents killed on nodes after each of their changes.

The changes are not listed: :mod:`virtman.cmd.kill_points` counts them, and
rounds go on until an agent gets through (tests/lab/guest/killpoints.py).
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from demo.site import CHECKOUT, side_by_side

DRIVER = str(Path(__file__).parent / "guest" / "killpoints.py")
CONF = "/run/killed.conf"
# In a node; shown when the test fails (lab.pytest_plugin).
LOG = "/share/logs/{}/killed-agent"
# Options that the driver's agents have values of their own for.
OURS = ("heartbeat_interval", "source_timeout")
# Seconds for all rounds on one node; beside another cluster they took 620.
PATIENCE = 2400


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
        [str(CHECKOUT / ".venv/bin/python"), DRIVER, CONF,
         LOG.format(node.name), node.address, "7774", bed.master.address,
         *(",".join(map(str, plan)) for plan in plans)],
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.code == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def kill_on(bed, nodes, stories):
    """Go through the kill points of stories, shared out among nodes.

    :param stories: what each story is about, one thing a node, so that none
        waits for another's leaving.
    """
    told = []

    def go(node):
        place = nodes.index(node)
        told.extend(
            kill(
                bed, node,
                [(story, what[place], place + 1, len(nodes))
                 for story, what in stories.items()],
            )
        )  # fmt: skip

    with without_agents(bed, nodes):
        side_by_side(go, nodes)
    return told


def judge(told, story, reliability):
    """Hold that every round ended well and that none is missing.

    :returns: after what agents were killed, in order.
    """
    mine = [item for item in told if item["story"] == story]
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
    wanted = set(range(1, through))
    assert wanted <= {item["number"] for item in killed}, "one is missing"
    took = sum(item["took_s"] for item in rounds)
    reliability.say(
        f"{story}: killed after each of {len(killed)} changes; "
        f"{len(rounds)} rounds in {took:.0f} s"
    )
    return [item["after"] for item in killed]


def saw(killed, *steps):
    """Hold that agents were killed after most of these changes, too.

    A message of the hydration is a change like any other and comes at any
    time: it takes the place of the one that would have had that number.
    """
    print(killed)
    missing = [
        step
        for step in steps
        if not any(point.startswith(step) for point in killed)
    ]
    assert len(missing) * 2 <= len(steps) + 1, (missing, killed)
