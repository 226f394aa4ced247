# SPDX-License-Identifier: Apache-2.0
"""The main job, step by step: one image, a tree of caches, six VMs.

Every step uses the operator's commands, and then checks the kernels' state.
"""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from demo import image, interrupt, isolation, plan, probe
from demo.events import Moved, TreeDone, TreeSeen
from demo.guest_vm import GuestVM
from demo.site import Site
from demo.telling import Step, Teller
from demo.tools import ImageError
from demo.traffic import Meter
from demo.tree import depth
from demo.waiting import side_by_side, sparing
from lab.cluster import Cluster
from lab.errors import NotInTime
from lab.node import Node

# A VM in an emulated node needs about a minute and a half on a quiet host.
_BOOT_TIMEOUT = 900.0
# Four emulated machines beside the one that makes the image bootable.
_POWER_TIMEOUT = 300.0
# Seconds between the agents' beats, at which they release unused images.
_BEAT = 2.0
_DEPTH = 2
_SETTLE_TIMEOUT = 60.0


class Story:
    """The demo's state: the site, and the figures so far."""

    def __init__(
        self, folder: Path, size_mib: int, machine: str, teller: Teller
    ) -> None:
        self._folder = folder
        self._size_mib = size_mib
        self._teller = teller
        self.cluster = Cluster(
            folder.parent / "lab" / "demo",
            plan.machines(machine),
            say=self._power_said,
        )
        self._machines: Step | None = None
        self._over = threading.Event()
        self.facts: dict[str, Any] = {
            "machine": machine,
            "nodes": len(plan.COMPUTES),
            "vms": len(plan.COMPUTES) * len(plan.VMS),
        }

    def run(self) -> None:
        """Go through all steps; the cluster is always taken down."""
        image.check(self._disk, self._size_mib)
        builder = ThreadPoolExecutor(1)
        try:
            # The image is not needed until it is served.
            building = builder.submit(self._build_image)
            self._power_on()
            self._start()
            self._wait_image(building)
            self._serve_image()
            self._create()
            self._read()
            self._isolate()
            self._boot()
            self._destroy()
        finally:
            with (
                interrupt.ignored(),
                self._teller.step("down", "Taking the machines down"),
            ):
                self._over.set()
                self.cluster.down()
                builder.shutdown()
        self.facts["leftovers"] += len(self.cluster.leftovers())

    @property
    def _disk(self) -> Path:
        return self._folder / "disk.img"

    def _build_image(self) -> image.ImageInfo:
        title = f"Building a disk image of {self._size_mib} MiB"
        with self._teller.step("image", title) as step:

            def progress(text: str) -> None:
                if self._over.is_set():
                    raise ImageError("broken off between two steps")
                step.doing(text)

            made = image.build(
                self._disk, size_mib=self._size_mib, progress=progress
            )
            step.note = f"SHA-256 {made.sha256[:8]}..."
        return made

    def _power_on(self) -> None:
        with self._teller.step("machines", "Booting four machines") as step:
            self._machines = step
            self.cluster.down()
            self.cluster.up(timeout=_POWER_TIMEOUT)

    def _power_said(self, text: str) -> None:
        if self._machines is not None:
            self._machines.doing(text)

    def _start(self) -> None:
        with self._teller.step("daemons", "Starting volt and the agents"):
            self.site = Site(self.cluster)
            self.site.start(heartbeat_interval=_BEAT)

    def _wait_image(self, building: Future[image.ImageInfo]) -> None:
        self._image = building.result(image.LONGEST)
        self.facts["image_bytes"] = self._image.bytes

    def _serve_image(self) -> None:
        master = self.site.master
        title = "Serving the image from the master"
        with self._teller.step("target", title) as step:
            step.doing(f"copying the image to {plan.FILE} on the master")
            master.run(["cp", str(self._image.path), plan.FILE], timeout=300)
            line = f"+ {master.address} {plan.IMAGE} {plan.FILE}"
            self._operate(step, "vmtimg", "image.cfg", [line])

    def _create(self) -> None:
        lines = [
            f"+ {node.address} {vm} {self.site.master.address} {plan.IMAGE}"
            for node in self.site.computes
            for vm in plan.VMS
        ]
        self._meter = Meter(
            self.cluster.network, self.site.nodes, self._image.bytes,
            len(plan.VMS),
        )  # fmt: skip
        title = "Creating two VM disks on each node"
        with self._teller.step("create", title) as step:
            self._operate(step, "vmtrun", "nodelist.cfg", lines)
            step.doing("looking for each node's source")
            self.facts["tree"] = tree = self._settled_tree()
            self.facts["depth"] = depth(plan.MASTER, tree)
        self._teller.show(TreeSeen(plan.MASTER, tree))

    def _settled_tree(self) -> dict[str, list[str]]:
        """Return each node's sources once every parent has taken over.

        A node whose parent was slow to appear reads from its next source
        first, so the tree is looked at until it is settled, or for a time.
        """
        seen: dict[str, list[str]] = {}

        def settled() -> bool:
            seen.update(probe.tree(self.site.nodes, plan.VOLUME))
            return depth(plan.MASTER, seen) >= _DEPTH

        with contextlib.suppress(NotInTime):
            self.site.master.wait_until(
                sparing(settled), timeout=_SETTLE_TIMEOUT, goal="a tree"
            )
        return seen

    def _read(self) -> None:
        digests: dict[str, str] = {}

        def read(node: Node) -> None:
            for vm in plan.VMS:
                digests[f"{node.name}/{vm}"] = probe.digest(
                    node, plan.device(vm)
                )
                self._meter.disks_read[node.name] += 1

        def progress() -> Moved:
            return self._meter.moved("read")

        title = "Reading all of every VM disk, all nodes at once"
        with self._teller.step("read", title, progress) as step:
            side_by_side(read, self.site.computes)
            wrong = {
                vm: sha
                for vm, sha in digests.items()
                if sha != self._image.sha256
            }
            step.held = self.facts["digests_ok"] = not wrong
            self._teller.show(progress())
        self._teller.show(TreeDone())
        for vm, sha in wrong.items():
            self._teller.say(f"{vm}: WRONG SHA-256 {sha}")
        self._count()

    def _count(self) -> None:
        sent = self._meter.sent()
        root = self.facts["root_sent_bytes"] = sent.pop(plan.MASTER)
        self.facts["root_sent_images"] = round(root / self._image.bytes, 3)
        self.facts["node_sent_bytes"] = sent

    def _isolate(self) -> None:
        title = "Writing to one VM disk, looking for it everywhere else"
        with self._teller.step("isolation", title) as step:
            wrong = isolation.trouble(self.site, self._size_mib * 3 // 4)
            step.held = self.facts["isolation_ok"] = not wrong
        for line in wrong:
            self._teller.say(line)

    def _boot(self) -> None:
        node, vm = self.site.computes[0], plan.VMS[0]
        guest = GuestVM(node, vm, plan.device(vm))
        title = f"Booting {vm} inside {node.name}"
        try:
            with self._teller.step("boot", title, guest.last_line) as step:
                booted = guest.wait_booted(_BOOT_TIMEOUT, self._teller.say)
                step.held = self.facts["vm_booted"] = booted
                step.note = guest.marked_line()
        finally:
            guest.stop()

    def _destroy(self) -> None:
        lines = [
            f"- {node.address} {vm}"
            for node in self.site.computes
            for vm in plan.VMS
        ]
        with self._teller.step("destroy", "Destroying everything") as step:
            self._operate(step, "vmtrun", "nodelist.cfg", lines)
            step.doing("waiting until the nodes have no devices any more")
            self.site.wait_idle_computes()
            line = f"- {self.site.master.address} {plan.IMAGE}"
            self._operate(step, "vmtimg", "image.cfg", [line])
            step.doing("ending the daemons")
            self.site.stop()
        with self._teller.step("leftovers", "Looking for leftovers") as step:
            left = self.cluster.leftovers()
            step.held = not left
        for item in left:
            self._teller.say(f"left: {json.dumps(item)}")
        self.facts["leftovers"] = len(left)

    def _operate(
        self, step: Step, script: str, name: str, lines: list[str]
    ) -> None:
        """Run one of the operator's commands, its progress in one line."""
        file = self._folder / name
        file.write_text("\n".join(lines) + "\n")
        step.doing(f"{script} {name}")
        code, table = self.site.operate(script, file, step.doing)
        if code:
            raise RuntimeError(f"{script} {file} ended with {code}:\n{table}")
