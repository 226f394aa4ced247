# SPDX-License-Identifier: Apache-2.0
"""One node as an object: ``Client('10.0.0.3:7774').create(...)``.

The same calls as ``vmtapi``, with several image connections, and with
exceptions instead of ``1:`` and ``2:`` strings.  The endpoint names the door
of the agent: the one on the network, the one on its own host, or the one
behind a broker.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Protocol

from virtmanclient.agent import Agent
from virtmanclient.doors import endpoint as endpoints
from virtmanclient.doors.endpoint import Door
from virtmanclient.doors.network import NetworkDoor
from virtmanclient.doors.verbs import Verbs
from virtmanclient.exceptions import AlreadyExists, NotFound
from virtmanclient.remote import RemoteAgent

Connection = Mapping[str, object]
Connections = list[Connection]


class Wire(Protocol):
    """The calls that every door has."""

    def create(
        self,
        instance: str,
        image: str,
        connections: Connections,
        snapshot: str | None,
    ) -> str:
        """Make an instance's disk; return its path."""

    def destroy(self, instance: str) -> None:
        """Remove an instance's disk and data; raise ``NotFound`` if none."""

    def list(self) -> list[str]:
        """Return ``<instance>:<image>`` for each instance with a disk."""

    # ``list[str]`` would name the method above.
    def inactive(self) -> Sequence[str]:
        """Return ``<instance>:<image>`` for each instance without a disk."""


class Client:
    """Makes, removes and lists the VM disks of one node.

    :param endpoint: ``host``, ``host:port`` or ``http://host:port`` (the port
        is 7774 when it is left out); ``unix:///run/virtman/agent.sock``, the
        agent of this very host; or ``rabbit://USER:PASSWORD@HOST/``, a broker
    :param timeout: seconds to wait for an answer, None for ever
    :param token: the node's secret; None takes the environment's, as
        ``vmtapi`` does
    :param host: behind a broker, the agent's option ``host``
    :raises InvalidEndpoint: the endpoint is none of these
    :raises MissingPackage: the endpoint is a broker, and oslo.messaging is
        not installed
    """

    def __init__(
        self,
        endpoint: str,
        timeout: float | None = 600,
        token: str | None = None,
        host: str | None = None,
    ) -> None:
        where = endpoints.parse(endpoint)
        self.node = where.address
        self._wire: Wire
        if where.door is Door.LOCAL:
            self._wire = _Typed(Agent(where.address, timeout))
        elif where.door is Door.BROKER:
            agent = RemoteAgent(where.address, host, timeout)
            self.node = agent.host
            self._wire = _Typed(agent)
        else:
            self._wire = _Untyped(NetworkDoor(where.address, timeout, token))

    def create(
        self,
        instance_name: str,
        image_name: str,
        image_connections: Connection | Sequence[Connection],
        snapshot: str | None = None,
    ) -> str:
        """Make a VM's disk; return its path.

        :param image_connections: where the image is exported: one or
            several of ``{'target_portal': 'ip:port', 'target_iqn': ...,
            'target_lun': 1}``
        :param snapshot: block device of the node to keep the VM's writes on
        :raises AlreadyExists: the instance exists (``unix://`` and
            ``rabbit://``: it is another image's; the same request again
            returns the same path)
        :raises OperationFailed: the node could not make the disk
        :raises ClientError: any other reason, see ``exceptions``
        """
        connections = _each(image_connections)
        return self._wire.create(
            instance_name, image_name, connections, snapshot
        )

    def destroy(self, instance_name: str) -> None:
        """Remove a VM's disk and what the VM wrote.

        :raises NotFound: the node has no such instance
        :raises OperationFailed: the node could not remove the disk
        """
        self._wire.destroy(instance_name)

    def list(self) -> list[str]:
        """Return the instances as ``<instance>:volume-<image>``."""
        return self._wire.list()

    def inactive(self) -> Sequence[str]:
        """Return the deactivated instances, whose data is kept."""
        return self._wire.inactive()

    def working(self) -> bool:
        """Return True when the node answers.

        :raises ClientError: the node does not answer, with the reason
        """
        self._wire.list()
        return True


class _Untyped:
    """A door whose answers are texts: XML-RPC."""

    def __init__(self, door: NetworkDoor) -> None:
        self._door = door

    def create(
        self,
        instance: str,
        image: str,
        connections: Connections,
        snapshot: str | None,
    ) -> str:
        wanted = (instance, image, connections, snapshot)
        return self._door.order("create", *wanted, refusal=AlreadyExists)

    def destroy(self, instance: str) -> None:
        self._door.order("destroy", instance)

    def list(self) -> list[str]:
        listed: list[str] = self._door.ask("list")
        return listed

    def inactive(self) -> Sequence[str]:
        listed: Sequence[str] = self._door.ask("list_inactive")
        return listed


class _Typed:
    """A door that has the typed verbs."""

    def __init__(self, agent: Verbs) -> None:
        self._agent = agent

    def create(
        self,
        instance: str,
        image: str,
        connections: Connections,
        snapshot: str | None,
    ) -> str:
        return self._agent.create(instance, image, connections, snapshot)

    def destroy(self, instance: str) -> None:
        if not self._agent.destroy(instance):
            raise NotFound(f"the host has no instance {instance}")

    def list(self) -> list[str]:
        return self._named(active=True)

    def inactive(self) -> Sequence[str]:
        return self._named(active=False)

    # ``list[str]`` would name the method above.
    def _named(self, active: bool) -> builtins.list[str]:
        """Return ``<instance>:<image>`` of the instances with a disk or not.

        An instance without a disk has no path.
        """
        return [
            f"{instance['name']}:{instance['image']}"
            for instance in self._agent.instances()
            if (instance["path"] is not None) == active
        ]


def _each(connections: Connection | Sequence[Connection]) -> Connections:
    """Return the connections as a list of dicts, which XML-RPC can carry."""
    if isinstance(connections, Mapping):
        connections = [connections]
    return [dict(connection) for connection in connections]
