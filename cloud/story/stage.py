# SPDX-License-Identifier: Apache-2.0
"""The clients, nodes and servers that all chapters work on."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from cloud.control_plane import catalog
from cloud.control_plane.control import ControlPlane
from cloud.errors import CloudError
from cloud.nodes.machines import Machines
from cloud.plan import Plan
from cloud.waiting import pauses_of_an_api
from lab.node import Node

PATIENCE = 900.0
"""Seconds for anything that has a VM start: two emulators on top of each
other.  Several times what was seen."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """The cloud that stands.

    :param timeout: seconds that the member waits for an answer of an API.
    """

    plan: Plan
    control_plane: ControlPlane
    machines: Machines
    say: Callable[[str], None]
    timeout: float | None = None

    @functools.cached_property
    def admin(self) -> Any:
        """An administrator's connection."""
        return catalog.client(self.plan, "admin")

    @functools.cached_property
    def member(self) -> Any:
        """The connection of the ordinary member that launches servers."""
        return catalog.client(self.plan, catalog.USER, timeout=self.timeout)

    def servers(self) -> list[Any]:
        """Return the member's servers, by name."""
        return sorted(self.member.compute.servers(), key=lambda s: s.name)

    def node_of(self, server: Any) -> Node:
        """Return the compute node that a server is on."""
        now = self.admin.compute.get_server(server.id)
        return self.machines.site.cluster.node(now.hypervisor_hostname)

    def launch(
        self,
        name: str,
        image_id: str,
        volume_type: str = catalog.VOLUME_TYPE,
        count: int = 1,
    ) -> Any:
        """Ask for servers on new volumes, as Horizon's dialog does.

        :returns: the server; the first of several, ``<name>-1`` and so on.
        """
        compute = self.member.compute
        flavor = compute.find_flavor(catalog.FLAVOR, ignore_missing=False)
        network = self.member.network.find_network(catalog.NETWORK)
        disk = {
            "source_type": "image",
            "destination_type": "volume",
            "uuid": image_id,
            "boot_index": 0,
            "volume_size": 1,
            "volume_type": volume_type,
            "delete_on_termination": True,
        }
        return compute.create_server(
            name=name,
            min_count=count,
            max_count=count,
            flavor_id=flavor.id,
            networks=[{"uuid": network.id}],
            block_device_mapping_v2=[disk],
        )

    def wait_status(
        self, server: Any, status: str, timeout: float = PATIENCE
    ) -> Any:
        """Wait until a server has a status and no task.

        :raises CloudError: it is in ERROR, which says why, or not in time.
        """
        for _ in pauses_of_an_api(timeout):
            now = self.member.compute.get_server(server.id)
            if now.status == status and now.task_state is None:
                return now
            if now.status == "ERROR":
                raise CloudError(f"{now.name} is in ERROR: {fault(now)}")
        raise CloudError(
            f"{server.name} is {now.status} ({now.task_state}) after "
            f"{timeout:.0f} s, not {status}"
        )

    def wait_gone(self, server: Any, timeout: float = PATIENCE) -> None:
        """Wait until a server is deleted.

        :raises CloudError: it still is.
        """
        for _ in pauses_of_an_api(timeout):
            if self.member.compute.find_server(server.id) is None:
                return
        raise CloudError(f"{server.name} is there after {timeout:.0f} s")

    def volume_of(self, server: Any) -> str:
        """Return the id of a server's root volume."""
        (attached,) = self.member.compute.volume_attachments(server.id)
        return str(attached.volume_id)


def fault(server: Any) -> str:
    """Return the fault that Nova shows of a server in ERROR."""
    return str((server.fault or {}).get("message", "no fault is told"))
