# SPDX-License-Identifier: Apache-2.0
"""The agents of the compute hosts: ask for a volume's disk, and purge it.

Cinder knows a host by the connector that Nova sends.  A user can send one,
too (``POST /v3/attachments``).  So the secret goes to addresses in the
operator's networks and to no others.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from virtmanclient import exceptions, vmtapi
from virtmanclient.cinder.options import Settings
from virtmanclient.client import Client


class AgentUnreachable(Exception):
    """An agent that could not be asked; a later try may succeed.

    The message has the address and the reason.
    """


class AgentRefused(Exception):
    """An agent that answered with a refusal; nothing was changed."""


class Agents:
    """The agents of a cloud's compute hosts.

    :raises ValueError: the token file cannot be used
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # A wrong path is an error of cinder-volume's start, not of a request.
        self._token()

    def admits(self, address: object) -> bool:
        """Tell whether an address is that of a host that may be asked."""
        try:
            host = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        return any(host in network for network in self._settings.networks)

    def has(self, address: str, volume: str) -> bool:
        """Tell whether a host has a volume's disk, or what was written on it.

        :raises AgentUnreachable: the agent does not answer
        """
        client = self._client(address)
        try:
            instances = [*client.list(), *client.inactive()]
        except exceptions.ClientError as error:
            raise AgentUnreachable(str(error)) from error
        # Each is <instance>:<image>, and the instance is the volume's id.
        return any(line.partition(":")[0] == volume for line in instances)

    def purge(self, address: str, volume: str) -> None:
        """Have a host remove a volume's disk and data, if it has any.

        :raises AgentRefused: the host keeps them: the VM runs
        :raises AgentUnreachable: the agent does not answer
        """
        try:
            self._client(address).destroy(volume)
        except exceptions.NotFound:
            return
        except exceptions.Refused as error:
            raise AgentRefused(str(error)) from error
        except exceptions.ClientError as error:
            raise AgentUnreachable(str(error)) from error

    def _client(self, address: str) -> Client:
        if not self.admits(address):
            raise AgentUnreachable(
                f"the address {address} is outside virtman_agent_networks"
            )
        host = f"[{address}]" if ":" in address else address
        try:
            token = self._token()
        except ValueError as error:
            raise AgentUnreachable(str(error)) from error
        endpoint = f"{host}:{self._settings.port}"
        return Client(endpoint, self._settings.timeout, token or "")

    def _token(self) -> str | None:
        """Return the agents' secret, read anew: it may be exchanged."""
        path = self._settings.token_file
        if not path:
            return None
        try:
            return vmtapi.known_token(str(Path(path)))
        except OSError as error:
            raise ValueError(
                f"virtman_agent_token_file {path}: {error.strerror}"
            ) from error
