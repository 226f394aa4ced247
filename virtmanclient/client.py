# SPDX-License-Identifier: Apache-2.0
"""One node as an object: ``Client('10.0.0.3:7774').create(...)``.

The same calls as ``vmtapi``, with several image connections, and with
exceptions instead of ``1:`` and ``2:`` strings.  The endpoint says which door
of the agent is asked: the one on the network, the one of its own host, or the
one behind a broker.
"""

import builtins
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Protocol

from virtmanclient import answer, broker, vmtapi
from virtmanclient.agent import Agent
from virtmanclient.exceptions import (
    AlreadyExists,
    InvalidEndpoint,
    NotFound,
    OperationFailed,
    Refused,
    translated,
)
from virtmanclient.remote import RemoteAgent
from virtmanclient.verbs import Verbs

Connection = Mapping[str, object]
Connections = list[Connection]
UNIX = "unix://"


class Wire(Protocol):
    """What every door can do."""

    def create(
        self,
        instance: str,
        image: str,
        connections: Connections,
        snapshot: str | None,
    ) -> str:
        """Make a disk; return its path."""

    def destroy(self, instance: str) -> None:
        """Remove a disk and its data; raise ``NotFound`` without one."""

    def list(self) -> list[str]:
        """Return ``<instance>:<image>`` for each disk."""

    # Not ``list``, which is the call above in here.
    def inactive(self) -> Sequence[str]:
        """Return ``<instance>:<image>`` for each without its disk."""


class Client:
    """Makes, removes and lists the VM disks of one node.

    :param endpoint: ``host``, ``host:port`` or ``http://host:port`` (the port
        is 7774 when it is left out); ``unix:///run/virtman/agent.sock``, the
        door of this very host; or ``rabbit://USER:PASSWORD@HOST/``, a broker
    :param timeout: seconds to wait for an answer, None for ever
    :param token: the node's secret; None takes the environment's, as
        ``vmtapi`` does
    :param host: behind a broker, the agent's option ``host``
    :raises InvalidEndpoint: the endpoint is none of these
    :raises MissingPackage: it is a broker, and oslo.messaging is not there
    """

    def __init__(
        self,
        endpoint: str,
        timeout: float | None = 600,
        token: str | None = None,
        host: str | None = None,
    ) -> None:
        self._wire: Wire
        if endpoint.startswith(UNIX):
            self.node = endpoint.removeprefix(UNIX)
            self._wire = _Typed(Agent(self.node, timeout))
        elif endpoint.startswith(broker.SCHEME):
            agent = RemoteAgent(endpoint, host, timeout)
            self.node = agent.host
            self._wire = _Typed(agent)
        else:
            self.node = _node(endpoint)
            self._wire = _Network(self.node, timeout, token)

    def create(
        self,
        instance_name: str,
        image_name: str,
        image_connections: Connection | Sequence[Connection],
        snapshot: str | None = None,
    ) -> str:
        """Make a VM's disk and return its path.

        :param image_connections: where the image is exported: one or
            several of ``{'target_portal': 'ip:port', 'target_iqn': ...,
            'target_lun': 1}``
        :param snapshot: block device of the node to keep the VM's writes on
        :raises AlreadyExists: the instance exists (``unix://`` and
            ``rabbit://``: it is another image's; the same request again
            returns the same path)
        :raises OperationFailed: the node could not make it
        :raises ClientError: any other reason, see ``exceptions``
        """
        connections = _each(image_connections)
        return self._wire.create(
            instance_name, image_name, connections, snapshot
        )

    def destroy(self, instance_name: str) -> None:
        """Remove a VM's disk and what the VM wrote.

        :raises NotFound: there is no such instance
        :raises OperationFailed: the node could not remove it
        """
        self._wire.destroy(instance_name)

    def list(self) -> list[str]:
        """Return the instances as ``<instance>:volume-<image>``."""
        return self._wire.list()

    def inactive(self) -> Sequence[str]:
        """Return those that were deactivated: their data is kept."""
        return self._wire.inactive()

    def working(self) -> bool:
        """Return True when the node answers.

        :raises ClientError: why it does not
        """
        self._wire.list()
        return True


class _Network:
    """The XML-RPC door of a node."""

    def __init__(
        self, node: str, timeout: float | None, token: str | None
    ) -> None:
        self._node = node
        self._timeout = timeout
        self._token = token

    def create(
        self,
        instance: str,
        image: str,
        connections: Connections,
        snapshot: str | None,
    ) -> str:
        with translated(self._node):
            node = vmtapi.server(
                self._node, timeout=self._timeout, token=self._token
            )
            said = node.create(instance, image, connections, snapshot)
        return self._settled(said, AlreadyExists)

    def destroy(self, instance: str) -> None:
        with translated(self._node):
            said = vmtapi.destroy(
                self._node,
                instance,
                timeout=self._timeout,
                token=self._token,
            )
        self._settled(said, NotFound)

    def list(self) -> list[str]:
        with translated(self._node):
            return vmtapi.list(
                self._node, timeout=self._timeout, token=self._token
            )

    def inactive(self) -> Sequence[str]:
        with translated(self._node):
            return vmtapi.list_inactive(
                self._node, timeout=self._timeout, token=self._token
            )

    def _settled(self, said: object, refusal: type[Refused]) -> str:
        """Return the info of a good answer, raise the others."""
        got = answer.parse(said)
        if got.code is answer.Code.OK:
            return got.info
        wrong = refusal if got.code is answer.Code.REFUSED else OperationFailed
        raise wrong(f"{self._node}: {got.info}")


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
            raise NotFound(f"there is no instance {instance} on that host")

    def list(self) -> list[str]:
        return self._named(active=True)

    def inactive(self) -> Sequence[str]:
        return self._named(active=False)

    # Quoted: ``list`` is the call above in here.
    def _named(self, active: bool) -> "builtins.list[str]":
        return [
            f"{one['name']}:{one['image']}"
            for one in self._agent.instances()
            if (one["path"] is not None) == active
        ]


def _each(connections: Connection | Sequence[Connection]) -> Connections:
    """Return the connections as the list of dicts that XML-RPC can carry."""
    if isinstance(connections, Mapping):
        connections = [connections]
    return [dict(one) for one in connections]


def _node(endpoint: str) -> str:
    """Return ``host:port`` of an endpoint, with or without a scheme."""
    url = endpoint if "://" in endpoint else f"http://{endpoint}"
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port or vmtapi.PORT
    except ValueError:  # the port is no number, or a bracket is missing
        raise _no_endpoint(endpoint) from None
    if parts.scheme != "http" or not host or parts.path.strip("/"):
        raise _no_endpoint(endpoint)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _no_endpoint(endpoint: str) -> InvalidEndpoint:
    # What stands before an '@' may be a password.
    shown = (
        f"...@{endpoint.rpartition('@')[2]}" if "@" in endpoint else endpoint
    )
    return InvalidEndpoint(
        f"{shown!r} is no endpoint: write host:port, http://host:port, "
        "unix:///path or rabbit://user:password@host/"
    )
