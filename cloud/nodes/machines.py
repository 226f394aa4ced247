# SPDX-License-Identifier: Apache-2.0
"""The nodes' daemons: ours from the demo's site, OpenStack's beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloud.control_plane import catalog, ini
from cloud.errors import CloudError
from cloud.nodes import bindings, conf
from cloud.plan import Plan
from cloud.waiting import pauses_of_an_api
from demo.site import Site, side_by_side
from lab import services
from lab.cluster import Cluster
from lab.node import Node
from lab.process import Process
from lab.spec import NodeSpec

# libvirt asks QEMU what it can do, for a minute and more under emulation.
LIBVIRT_PATIENCE = 400.0
_REPORT = 400.0
_COMPUTE, _VOLUME = "nova-compute", "cinder-volume"
_LIBVIRT = ("virtlogd", "libvirtd")


def specs() -> list[NodeSpec]:
    """Return the machines: the image server first."""
    return [
        NodeSpec("images", memory=1536, disk=8192, machine="uml"),
        *(
            NodeSpec(name, memory=2048, disk=8192, machine="uml")
            for name in ("c1", "c2")
        ),
    ]


class Machines:
    """The daemons on the nodes of a cluster."""

    def __init__(
        self, plan: Plan, cluster: Cluster, say: Callable[[str], None]
    ) -> None:
        self.site = Site(cluster)
        self._plan = plan
        self._say = say
        self._running: dict[tuple[str, str], Process] = {}

    @property
    def images(self) -> Node:
        """The image server."""
        return self.site.master

    @property
    def computes(self) -> list[Node]:
        """The compute nodes."""
        return self.site.computes

    def start(self) -> None:
        """Start all daemons; nova-compute finds the control plane itself."""
        bindings.link(self._plan.venv("nova"))
        side_by_side(Node.refresh, self.site.nodes)
        self.site.start()
        self._say("volt and the agents answer")
        self.start_volume()
        side_by_side(self.start_compute, self.computes)
        self._say("libvirt and nova-compute run")

    def wait_reported(self) -> None:
        """Wait until Nova and Cinder know the services of the nodes.

        :raises CloudError: they do not in time.
        """
        admin = catalog.client(self._plan, "admin")
        wanted = {node.name for node in self.computes}
        for _ in pauses_of_an_api(_REPORT):
            # A service that is up has no place in a cell yet.
            hosts = {
                service.name
                for service in admin.compute.hypervisors()
                if service.state == "up"
            }
            if wanted <= hosts and _volume_up(admin):
                self._say("Nova and Cinder know the nodes")
                return
        raise CloudError(
            f"nova-compute or cinder-volume does not report; see the logs in "
            f"{self.site.cluster.share}/logs"
        )

    def start_volume(self) -> None:
        """Start cinder-volume on the image server."""
        file = "/etc/cinder/node.conf"
        self.images.run(["mkdir", "-p", conf.IMAGES])
        self._start(
            self.images,
            _VOLUME,
            [
                self._plan.program("cinder", _VOLUME),
                "--config-file",
                str(self._plan.conf("cinder") / "cinder.conf"),
                "--config-file",
                self._put(
                    self.images,
                    file,
                    conf.volume(self._plan, self.images, file),
                ),
            ],
        )

    def start_compute(self, node: Node) -> None:
        """Start libvirt and nova-compute on a node."""
        file = "/etc/nova/node.conf"
        # Nova makes a tap for each port itself.
        services.load(node, "tun")
        for name in _LIBVIRT:
            self._start(node, name, [name])
        node.wait_until(["virsh", "list"], timeout=LIBVIRT_PATIENCE)
        node.run(["mkdir", "-p", f"{conf.STATE}/nova/instances"])
        self._start(
            node,
            _COMPUTE,
            [
                "env",
                "OS_NOVA_DISABLE_EVENTLET_PATCHING=true",
                "PYTHONWARNINGS=ignore",
                self._plan.program("nova", _COMPUTE),
                "--config-file",
                str(self._plan.conf("nova") / "nova.conf"),
                "--config-file",
                self._put(node, file, conf.compute(self._plan, node, file)),
            ],
        )

    def power_cut(self, node: Node) -> None:
        """Cut a node's power; its disk stays."""
        node.power_off_hard()
        for key in [key for key in self._running if key[0] == node.name]:
            del self._running[key]

    def wait_forgotten(self, node: Node) -> None:
        """Wait until tgtd on the image server has dropped a node's sessions.

        tgtd does after a minute without an answer (virtman/drivers/iscsi.py);
        until then what the node writes on is not opened to another.
        """
        name = f"{services.INITIATORS}:{node.name}"
        show = "tgtadm --lld iscsi --mode target --op show"
        self.images.wait_until(
            ["sh", "-c", f'! {show} | grep -q "Initiator: {name} "'],
            timeout=_REPORT,
            goal=f"{node.name}'s sessions have ended",
        )

    def revive(self, node: Node) -> None:
        """Give a compute node its power and its daemons back."""
        self.site.revive(node)
        self.start_compute(node)

    def stop(self, node: Node, name: str) -> None:
        """End one of OpenStack's daemons on a node."""
        process = self._running.pop((node.name, name))
        process.kill("TERM")
        if process.wait(60) is None:
            process.kill()

    def stop_computes(self) -> None:
        """End OpenStack's daemons, so that nothing of theirs is a leftover."""
        for name, daemon in [*reversed(self._running)]:
            node = self.site.cluster.node(name)
            if node.running():
                self.stop(node, daemon)

    def _start(self, node: Node, name: str, argv: list[str]) -> None:
        self._running[node.name, name] = node.start(argv, log=name)

    def _put(self, node: Node, path: str, sections: conf.Sections) -> str:
        node.put(path, ini.text(sections).encode())
        return path


def _volume_up(admin: Any) -> bool:
    """Tell whether Cinder knows a cinder-volume that is up."""
    return any(
        service.binary == _VOLUME and service.state == "up"
        for service in admin.block_storage.services()
    )
