# SPDX-License-Identifier: Apache-2.0
"""The XML-RPC door of a node: call a verb, raise the errors it answers."""

from __future__ import annotations

from typing import Any

from virtmanclient import vmtapi
from virtmanclient.doors import answer
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
