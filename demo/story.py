# SPDX-License-Identifier: Apache-2.0
"""The main job, step by step: one image, a tree of caches, six VMs.

Every step does what an operator would do, with the operator's commands, and
then looks at the kernels to see whether it is true.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo import image, probe, telling
from demo.guest_vm import GuestVM
from demo.site import DOOR_KEY, Site, side_by_side
from demo.telling import Teller
from lab.cluster import Cluster
from lab.errors import NotInTime
from lab.node import Node
from lab.spec import NodeSpec

COMPUTES = ("node1", "node2", "node3")
VMS = ("vm1", "vm2")
IMAGE = "image1"
VOLUME = f"volume-{IMAGE}"
_MIB = 1 << 20
# Where the isolation step writes: 1 MiB, in the last quarter of the disk.
_WRITTEN = 1
# A VM in an emulated node needs about a minute and a half on a quiet host.
_BOOT_TIMEOUT = 900.0
_DEPTH = 2
_SETTLE_TIMEOUT = 60.0


class Story:
    """The demo's state: the site, and what has been found out so far."""

    def __init__(self, folder: Path, size_mib: int, teller: Teller) -> None:
        self._folder = folder
        self._size_mib = size_mib
        self._teller = teller
        machines = [NodeSpec("master")] + [
            NodeSpec(name, memory=1536) for name in COMPUTES
        ]
        self.cluster = Cluster(
            folder.parent / "lab" / "demo", machines, say=teller.say
        )
        self._site: Site | None = None
        self.facts: dict[str, Any] = {
            "nodes": len(COMPUTES),
            "vms": len(COMPUTES) * len(VMS),
        }

    @property
    def site(self) -> Site:
        """The running daemons."""
        if self._site is None:
            raise RuntimeError("the daemons are not started yet")
        return self._site

    def run(self) -> None:
        """Go through all steps; the cluster is always taken down."""
        teller = self._teller
        try:
            with teller.step("image", "Building the disk image"):
                self._image = self._build_image()
            with teller.step("machines", "Booting four machines"):
                self.cluster.down()
                self.cluster.up()
            with teller.step("daemons", "Starting volt and the agents"):
                self._site = Site(self.cluster)
                self.site.start()
            self._serve_image()
            self._create()
            self._read()
            self._isolate()
            self._boot()
            self._destroy()
        finally:
            with teller.step("down", "Taking the machines down"):
                self.cluster.down()
        self.facts["leftovers"] += len(self.cluster.leftovers())

    def _build_image(self) -> image.ImageInfo:
        made = image.build(
            self._folder / "disk.img",
            size_mib=self._size_mib,
            progress=self._teller.say,
        )
        self.facts["image_bytes"] = made.bytes
        self._teller.say(f"{made.bytes >> 20} MiB, SHA-256 {made.sha256}")
        return made

    def _serve_image(self) -> None:
        master = self.site.master
        file = "/var/lib/virtman/disk.img"
        with self._teller.step("target", "Serving the image from the master"):
            master.run(["cp", str(self._image.path), file], timeout=300)
            lines = [f"+ {master.address} {IMAGE} {file}"]
            self._operate("vmtimg", "image.cfg", lines)

    def _create(self) -> None:
        self._before = self._sent()
        lines = [
            f"+ {node.address} {vm} {self.site.master.address} {IMAGE}"
            for node in self.site.computes
            for vm in VMS
        ]
        with self._teller.step("create", "Creating two VM disks a node"):
            self._operate("vmtrun", "nodelist.cfg", lines)
            self.facts["tree"] = tree = self._settled_tree()
        self.facts["depth"] = telling.depth("master", tree)
        self._teller.say(telling.tree("master", tree))

    def _settled_tree(self) -> dict[str, list[str]]:
        """Return who reads from whom once every parent has taken over.

        A node whose parent was slow to appear reads from its next source
        first; the picture is taken when that is over, or given up on.
        """
        seen: dict[str, list[str]] = {}

        def settled() -> bool:
            seen.update(probe.tree(self.site.nodes, VOLUME))
            return telling.depth("master", seen) >= _DEPTH

        with contextlib.suppress(NotInTime):
            self.site.master.wait_until(
                settled, timeout=_SETTLE_TIMEOUT, what="a tree"
            )
        return seen

    def _read(self) -> None:
        found: dict[str, str] = {}

        def read(node: Node) -> None:
            for vm in VMS:
                device = f"/dev/mapper/snapshot_{vm}"
                found[f"{node.name}/{vm}"] = probe.digest(node, device)
                self._teller.say(f"{node.name} {vm}: read to the last byte")

        title = "Reading all of every VM disk, all nodes at once"
        with self._teller.step("read", title, self._traffic):
            side_by_side(read, self.site.computes)
        wrong = [vm for vm, sha in found.items() if sha != self._image.sha256]
        for vm in wrong:
            self._teller.say(f"{vm}: WRONG SHA-256 {found[vm]}")
        self.facts["digests_ok"] = not wrong
        self._count()

    def _count(self) -> None:
        after = self._sent()
        sent = {name: after[name] - self._before[name] for name in after}
        size = self.facts["image_bytes"]
        self.facts["root_sent_bytes"] = sent.pop("master")
        self.facts["root_sent_images"] = round(
            self.facts["root_sent_bytes"] / size, 3
        )
        self.facts["node_sent_bytes"] = sent

    def _isolate(self) -> None:
        title = "Writing to one VM disk and looking for it everywhere else"
        with self._teller.step("isolation", title):
            self.facts["isolation_ok"] = self._isolated()

    def _isolated(self) -> bool:
        """Write on the first node's second VM; compare there elsewhere."""
        skip = self._size_mib * 3 // 4
        first = self.site.computes[0]
        written = f"/dev/mapper/snapshot_{VMS[1]}"
        file = "/var/lib/virtman/disk.img"

        def look(node: Node, device: str) -> str:
            return probe.digest(node, device, skip=skip, count=_WRITTEN)

        wanted = look(self.site.master, file)
        probe.write(first, written, skip=skip, count=_WRITTEN)
        if look(first, written) == wanted:
            self._teller.say("the write did not reach its own disk")
            return False
        seen = [
            f"{node.name} {device}"
            for node in self.site.computes
            for device in (
                *(f"/dev/mapper/snapshot_{vm}" for vm in VMS),
                f"/dev/mapper/cached_{VOLUME}",
            )
            if (node, device) != (first, written)
            and look(node, device) != wanted
        ]
        if look(self.site.master, file) != wanted:
            seen.append(f"master {file}")
        for place in seen:
            self._teller.say(f"the write is seen in {place}")
        return not seen

    def _boot(self) -> None:
        node = self.site.computes[0]
        guest = GuestVM(node, VMS[0], f"/dev/mapper/snapshot_{VMS[0]}")
        title = f"Booting {VMS[0]} inside {node.name}"
        try:
            with self._teller.step(
                "boot", title, lambda: f"console: {guest.last_line()[:70]}"
            ):
                booted = guest.wait_booted(_BOOT_TIMEOUT, self._teller.say)
            if booted:
                self._teller.say(guest.last_line()[:70])
        finally:
            guest.stop()
        self.facts["vm_booted"] = booted

    def _destroy(self) -> None:
        lines = [
            f"- {node.address} {vm}"
            for node in self.site.computes
            for vm in VMS
        ]
        with self._teller.step("destroy", "Destroying everything"):
            self._operate("vmtrun", "nodelist.cfg", lines)
            self.site.wait_idle_computes()
            lines = [f"- {self.site.master.address} {IMAGE}"]
            self._operate("vmtimg", "image.cfg", lines)
            self.site.stop()
        with self._teller.step("leftovers", "Looking for leftovers"):
            left = self.cluster.leftovers()
        for item in left:
            self._teller.say(f"left: {json.dumps(item)}")
        self.facts["leftovers"] = len(left)

    def _operate(self, script: str, file: str, lines: Sequence[str]) -> None:
        """Run one of the operator's commands on the master, output shown."""
        path = f"/run/{file}"
        self.site.master.put(path, ("\n".join(lines) + "\n").encode())
        out = sys.stdout.buffer
        code = self.site.master.stream(
            [self.site.script(script), f"--token-file={DOOR_KEY}", path],
            out, out, timeout=900,
        )  # fmt: skip
        if code:
            raise RuntimeError(f"{script} ended with {code}")

    def _sent(self) -> dict[str, int]:
        return {node.name: node.sent_bytes() for node in self.site.nodes}

    def _traffic(self) -> str:
        size = self.facts["image_bytes"]
        now = self._sent()
        parts = (
            f"{name} {(now[name] - self._before[name]) / size:.2f}"
            for name in now
        )
        return "images sent: " + ", ".join(parts)
