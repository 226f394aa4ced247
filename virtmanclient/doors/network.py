# SPDX-License-Identifier: Apache-2.0
"""The XML-RPC door of a node, and the choice between it and the socket."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from virtmanclient import vmtapi
from virtmanclient.doors import answer
from virtmanclient.doors.endpoint import Door, parse_direct
from virtmanclient.doors.verbs import Verbs
from virtmanclient.exceptions import (
    NotFound,
    OperationFailed,
    Refused,
    translated,
)


class NetworkDoor:
    """The XML-RPC door of one node.

    :param node: ``host:port``
    :param timeout: seconds to wait for an answer, None for ever
    :param token: the node's secret; None takes the environment's
    """

    def __init__(
        self, node: str, timeout: float | None, token: str | None
    ) -> None:
        self.node = node
        self._timeout = timeout
        self._token = token

    def ask(self, verb: str, *arguments: object) -> Any:
        """Return the node's answer to a verb.

        :raises ClientError: the node cannot be asked, see ``exceptions``
        """
        with translated(self.node):
            node = vmtapi.server(
                self.node, timeout=self._timeout, token=self._token
            )
            return getattr(node, verb)(*arguments)

    def order(
        self,
        verb: str,
        *arguments: object,
        refusal: type[Refused] = NotFound,
    ) -> str:
        """Have the node do a verb; return the info of its answer.

        :param refusal: the class as which ``1:<why>`` is raised
        :raises OperationFailed: the node could not do the verb
        :raises ClientError: any other reason, see ``exceptions``
        """
        return self._settled(self.ask(verb, *arguments), refusal)

    def _settled(self, text: object, refusal: type[Refused]) -> str:
        """Return the info of an answer, or raise its error."""
        parsed = answer.parse(text)
        if parsed.code is answer.Code.OK:
            return parsed.info
        refused = parsed.code is answer.Code.REFUSED
        error = refusal if refused else OperationFailed
        raise error(f"{self.node}: {parsed.info}")


@dataclasses.dataclass(frozen=True, slots=True)
class Direct:
    """The doors of one agent that is asked without a broker.

    ``local`` is the agent behind its Unix socket; None for an endpoint on
    the network, where ``network`` is asked.
    """

    node: str
    local: Verbs | None
    network: NetworkDoor


def direct(
    endpoint: str,
    timeout: float | None,
    token: str | None,
    agent: Callable[[str, float | None], Verbs],
    refusal: str,
) -> Direct:
    """Return the doors of the agent that an endpoint names.

    :param agent: makes the agent behind a socket, of its path and timeout;
        handed in, because agents stand on this module's folder
    :param refusal: what cannot be done through a broker
    :raises InvalidEndpoint: the text names a broker, or no endpoint
    """
    where = parse_direct(
        endpoint,
        f"{refusal} through a broker; write unix:///path or host:port",
    )
    local = None
    if where.door is Door.LOCAL:
        local = agent(where.address, timeout)
    network = NetworkDoor(where.address, timeout, token)
    return Direct(where.address, local, network)
