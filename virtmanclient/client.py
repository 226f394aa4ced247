# SPDX-License-Identifier: Apache-2.0
"""One node as an object: ``Client('10.0.0.3:7774').create(...)``.

The same calls as ``vmtapi``, with several image connections, and with
exceptions instead of ``1:`` and ``2:`` strings.
"""

import urllib.parse
from collections.abc import Mapping, Sequence

from virtmanclient import answer, vmtapi
from virtmanclient.exceptions import (
    AlreadyExists,
    InvalidEndpoint,
    NotFound,
    OperationFailed,
    Refused,
    translated,
)

Connection = Mapping[str, object]


class Client:
    """Makes, removes and lists the VM disks of one node.

    :param endpoint: ``host``, ``host:port`` or ``http://host:port``; the
        port is 7774 when it is left out
    :param timeout: seconds to wait for an answer, None for ever
    :param token: the node's secret; None takes the environment's, as
        ``vmtapi`` does
    :raises InvalidEndpoint: the endpoint is none of these
    """

    def __init__(
        self,
        endpoint: str,
        timeout: float | None = 600,
        token: str | None = None,
    ) -> None:
        self.node = _node(endpoint)
        self._timeout = timeout
        self._token = token

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
        :raises AlreadyExists: the instance exists
        :raises OperationFailed: the node could not make it
        :raises ClientError: any other reason, see ``exceptions``
        """
        connections = _each(image_connections)
        with translated(self.node):
            node = vmtapi.server(
                self.node, timeout=self._timeout, token=self._token
            )
            said = node.create(
                instance_name, image_name, connections, snapshot
            )
        return self._settled(said, AlreadyExists)

    def destroy(self, instance_name: str) -> None:
        """Remove a VM's disk and what the VM wrote.

        :raises NotFound: there is no such instance
        :raises OperationFailed: the node could not remove it
        """
        with translated(self.node):
            said = vmtapi.destroy(
                self.node,
                instance_name,
                timeout=self._timeout,
                token=self._token,
            )
        self._settled(said, NotFound)

    def list(self) -> list[str]:
        """Return the instances as ``<instance>:volume-<image>``."""
        with translated(self.node):
            return vmtapi.list(
                self.node, timeout=self._timeout, token=self._token
            )

    def _settled(self, said: object, refusal: type[Refused]) -> str:
        """Return the info of a good answer, raise the others."""
        got = answer.parse(said)
        if got.code is answer.Code.OK:
            return got.info
        wrong = refusal if got.code is answer.Code.REFUSED else OperationFailed
        raise wrong(f'{self.node}: {got.info}')


def _each(connections: Connection | Sequence[Connection]) -> list[Connection]:
    """Return the connections as the list of dicts that XML-RPC can carry."""
    if isinstance(connections, Mapping):
        connections = [connections]
    return [dict(one) for one in connections]


def _node(endpoint: str) -> str:
    """Return ``host:port`` of an endpoint, with or without a scheme."""
    url = endpoint if '://' in endpoint else f'http://{endpoint}'
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port or vmtapi.PORT
    except ValueError:  # the port is no number, or a bracket is missing
        raise _no_endpoint(endpoint) from None
    if parts.scheme != 'http' or not host or parts.path.strip('/'):
        raise _no_endpoint(endpoint)
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def _no_endpoint(endpoint: str) -> InvalidEndpoint:
    return InvalidEndpoint(
        f'{endpoint!r} is no endpoint: write host:port or http://host:port'
    )
