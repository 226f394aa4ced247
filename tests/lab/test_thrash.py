# SPDX-License-Identifier: Apache-2.0
"""Disks made and destroyed amid kills and cuts, all at random.

Only in a soak (``make soak``).  The seed is printed and may be given again
(``--seed``); how long it goes on is ``--minutes``.
"""

from __future__ import annotations

import random
import time

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.soak]

BLOCKS = 64
VMS = ("vm1", "vm2", "vm3")


class Thrash:
    """What stands at any moment, and the deeds that may come next."""

    def __init__(self, bed, seed, reliability):
        self._bed = bed
        self._random = random.Random(seed)
        self._reliability = reliability
        self._images = [bed.serve_image(blocks=BLOCKS) for _ in range(2)]
        self._standing = {}
        self._deeds = {
            self._create: 6, self._destroy: 4, self._kill_agent: 2,
            self._kill_daemons: 2, self._cut_link: 2, self._cut_power: 1,
            self._cut_volt: 1,
        }  # fmt: skip

    def turn(self):
        """Do one thing to one node, and read a disk of any."""
        node = self._random.choice(self._bed.site.computes)
        deeds, weights = self._deeds.keys(), self._deeds.values()
        (deed,) = self._random.choices([*deeds], [*weights])
        print(f"{deed.__name__} {node.name}")
        deed(node)
        if self._standing:
            self._verify(*self._random.choice(sorted(self._standing)))

    def verify_all(self):
        """Read every disk there is."""
        for name, vm in sorted(self._standing):
            self._verify(name, vm)

    def _verify(self, name, vm):
        node = self._bed.site.cluster.node(name)
        found = self._bed.pattern(
            node, "verify", f"/dev/mapper/snapshot_{vm}",
            self._standing[name, vm], 0, BLOCKS,
        )  # fmt: skip
        self._reliability.lost(
            guest_errors=found["errors"], data_mismatches=found["wrong"]
        )
        assert (found["errors"], found["wrong"]) == (0, 0), (name, vm, found)

    def _mine(self, node):
        return [vm for name, vm in sorted(self._standing) if name == node.name]

    def _create(self, node):
        free = sorted(set(VMS).difference(self._mine(node)))
        if free:
            vm, image = free[0], self._random.choice(self._images)
            self._bed.create(node, vm, image)
            self._standing[node.name, vm] = image

    def _destroy(self, node):
        for vm in self._mine(node)[:1]:
            assert self._bed.site.call(node, "destroy", vm) == "0:"
            del self._standing[node.name, vm]

    def _kill_agent(self, node):
        self._reliability.fault("agent killed")
        self._bed.site.stop_agent(node, "KILL")
        self._bed.site.start_agent(node)

    def _kill_daemons(self, node):
        self._reliability.fault("storage daemon killed")
        kill = "kill -9 $(pidof qemu-storage-daemon)"
        node.run(["sh", "-c", kill], check=False)

    def _cut_link(self, node):
        self._reliability.fault("parent: network cut")
        node.cut_link()
        try:
            for name, vm in sorted(self._standing):
                if name != node.name:
                    self._verify(name, vm)
        finally:
            node.restore_link()

    def _cut_power(self, node):
        self._reliability.fault("node power cut")
        node.power_off_hard()
        self._bed.site.revive(node)
        node.wait_until(
            lambda: self._listed(node) == self._mine(node),
            timeout=300,
            what="its instances are back",
        )

    def _listed(self, node):
        found = self._bed.site.call(node, "list")
        return sorted(entry.split(":")[0] for entry in found)

    def _cut_volt(self, node):
        self._reliability.fault("volt killed")
        self._bed.site.stop_volt("KILL")
        try:
            self._kill_agent(node)
        finally:
            self._bed.site.start_volt()


def test_nothing_is_lost_or_left_whatever_happens(bed, reliability, request):
    seed = request.config.getoption("--seed") or time.time_ns()
    minutes = request.config.getoption("--minutes")
    reliability.say(f"thrash: --seed {seed} --minutes {minutes:g}")
    thrash = Thrash(bed, seed, reliability)
    end = time.monotonic() + 60 * minutes
    turns = 0
    while time.monotonic() < end:
        thrash.turn()
        turns += 1
    reliability.say(f"thrash: {turns} turns")
    assert turns, "it had no time for any"
    thrash.verify_all()
