# SPDX-License-Identifier: Apache-2.0
"""Disks made, written, moved and destroyed amid kills and cuts, at random.

Some have their store on the node, some on the image server.
Only in a soak (``make soak``).  The seed is printed and may be given again
(``--seed``); how long it goes on is ``--minutes``.
"""

from __future__ import annotations

import random
import time

import pytest
from agents import ask
from conftest import BLOCK

from demo import probe
from lab import services

pytestmark = [pytest.mark.lab, pytest.mark.soak]

BLOCKS = 64
# Of each disk, what its VM writes: the first MiB.
WRITTEN = (1 << 20) // BLOCK
VMS = ("vm1", "vm2", "vm3")
# Volumes: one of a name in all, on whichever node.
VOLUMES = ("cow1", "cow2", "cow3")


class Thrash:
    """What stands at any moment, and the deeds that may come next."""

    def __init__(self, bed, seed, reliability):
        self._bed = bed
        self._random = random.Random(seed)
        self._reliability = reliability
        self._images = [bed.serve_image(blocks=BLOCKS) for _ in range(2)]
        self._standing = {}
        self._written = {}
        self._deeds = {
            self._create: 6, self._create_volume: 3, self._destroy: 4,
            self._write: 4, self._move: 3, self._kill_agent: 2,
            self._kill_daemons: 2, self._kill_target: 1, self._cut_link: 2,
            self._cut_power: 1, self._cut_volt: 1,
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

    def end(self):
        """Have no volume any more; the rest is the bed's to clear."""
        for name, vm in sorted(self._standing):
            if vm in VOLUMES:
                self._remove(self._bed.site.cluster.node(name), vm)

    def _verify(self, name, vm):
        node = self._bed.site.cluster.node(name)
        device = f"/dev/mapper/snapshot_{vm}"
        begin = WRITTEN if (name, vm) in self._written else 0
        found = self._bed.pattern(
            node, "verify", device, self._standing[name, vm], begin,
            BLOCKS - begin,
        )  # fmt: skip
        wrong = found["wrong"]
        if begin:
            kept = probe.digest(node, device, skip=0, count=1)
            wrong += kept != self._written[name, vm]
        self._reliability.lost(
            guest_errors=found["errors"], data_mismatches=wrong
        )
        assert (found["errors"], wrong) == (0, 0), (name, vm, found)

    def _mine(self, node):
        return [vm for name, vm in sorted(self._standing) if name == node.name]

    def _create(self, node):
        free = sorted(set(VMS).difference(self._mine(node)))
        if free:
            vm, image = free[0], self._random.choice(self._images)
            self._bed.create(node, vm, image)
            self._standing[node.name, vm] = image

    def _create_volume(self, node):
        free = set(VOLUMES).difference(vm for _, vm in self._standing)
        if free:
            vm, image = min(free), self._random.choice(self._images)
            self._attach(node, vm, image, new=True)
            self._standing[node.name, vm] = image

    def _attach(self, node, vm, image, *, new):
        """Do as Cinder and Nova do: open the store, make the disk."""
        opened = ask(
            self._bed.master, "open_store", store=vm, new=new,
            sectors=BLOCKS * BLOCK // 512,
            initiator=f"{services.INITIATORS}:{node.name}",
        )  # fmt: skip
        store = {
            "target_portal": opened["portal"],
            "target_iqn": opened["iqn"],
            "target_lun": opened["lun"],
        }
        made = ask(
            node, "create", instance=vm, image=image, store=store,
            keep=True if opened["written"] else None,
        )  # fmt: skip
        assert made == f"/dev/mapper/snapshot_{vm}", made

    def _write(self, node):
        """Write as a VM that flushes: it is to be there from then on."""
        mine = self._mine(node)
        if mine:
            vm = self._random.choice(mine)
            device = f"/dev/mapper/snapshot_{vm}"
            probe.write(node, device, skip=0, count=1)
            kept = probe.digest(node, device, skip=0, count=1)
            self._written[node.name, vm] = kept

    def _move(self, node):
        """Have a volume go on on another node."""
        there = [vm for vm in self._mine(node) if vm in VOLUMES]
        if there:
            vm = self._random.choice(there)
            other = self._random.choice(
                [one for one in self._bed.site.computes if one is not node]
            )
            assert ask(node, "destroy", instance=vm) is True
            image = self._standing.pop((node.name, vm))
            self._attach(other, vm, image, new=False)
            self._standing[other.name, vm] = image
            if (node.name, vm) in self._written:
                kept = self._written.pop((node.name, vm))
                self._written[other.name, vm] = kept

    def _destroy(self, node):
        for vm in self._mine(node)[:1]:
            self._remove(node, vm)

    def _remove(self, node, vm):
        assert self._bed.site.call(node, "destroy", vm) == "0:"
        if vm in VOLUMES:
            assert ask(self._bed.master, "delete_store", store=vm) is True
        del self._standing[node.name, vm]
        self._written.pop((node.name, vm), None)

    def _kill_agent(self, node):
        self._reliability.fault("agent killed")
        self._bed.site.stop_agent(node, "KILL")
        self._bed.site.start_agent(node)

    def _kill_daemons(self, node):
        self._reliability.fault("storage daemon killed")
        kill = "kill -9 $(pidof qemu-storage-daemon)"
        node.run(["sh", "-c", kill], check=False)

    def _kill_target(self, _):
        """Have the image server's tgtd crash; its agent serves all again."""
        self._reliability.fault("target daemon killed")
        services.kill_target(self._bed.master)
        services.start_target(self._bed.master)

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
            goal="its instances are back",
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
    thrash.end()
