# SPDX-License-Identifier: Apache-2.0
"""Ask the agents of the compute hosts what they have, and to purge it.

Cinder knows a host by the connector that Nova sends, and a user can send one,
too (``POST /v3/attachments``).  So the secret goes to addresses in the
operator's networks and to no others.
"""

import ipaddress
from pathlib import Path

from virtmanclient import exceptions, vmtapi
from virtmanclient.cinder.options import Settings
from virtmanclient.client import Client


class AgentUnreachable(Exception):
    """An agent does not answer as one should; it may later.

    The message has the address and the reason.
    """


class AgentRefused(Exception):
    """An agent that answers did not do it; nothing was changed."""


class Agents:
    """The agents of a cloud's compute hosts.

    :raises ValueError: the token file cannot be used
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token()

    def admits(self, address: object) -> bool:
        """Tell whether that is the address of a host that may be asked."""
        try:
            found = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        networks = self._settings.networks
        return any(found in one for one in networks)

    def has(self, address: str, volume: str) -> bool:
        """Tell whether a host has a volume's disk, or what was written on it.

        :raises AgentUnreachable: it does not answer
        """
        client = self._client(address)
        try:
            known = [*client.list(), *client.inactive()]
        except exceptions.ClientError as error:
            raise AgentUnreachable(str(error)) from error
        return any(one.partition(":")[0] == volume for one in known)

    def purge(self, address: str, volume: str) -> None:
        """Have a host remove a volume's disk and data, if it has any.

        :raises AgentRefused: it has it still: the VM runs
        :raises AgentUnreachable: it does not answer
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
                f"{address} is in none of virtman_agent_networks"
            )
        host = f"[{address}]" if ":" in address else address
        try:
            token = self._token()
        except ValueError as error:
            raise AgentUnreachable(str(error)) from error
        endpoint = f"{host}:{self._settings.port}"
        return Client(endpoint, self._settings.timeout, token or "")

    def _token(self) -> str | None:
        """Return the secret, read anew: it may be exchanged."""
        path = self._settings.token_file
        if not path:
            return None
        try:
            return vmtapi.known_token(str(Path(path)))
        except OSError as error:
            raise ValueError(
                f"virtman_agent_token_file {path}: {error.strerror}"
            ) from error
