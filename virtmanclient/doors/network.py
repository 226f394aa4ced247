# SPDX-License-Identifier: Apache-2.0
"""The XML-RPC door of a node: calls it, raises what its answers mean."""

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
        """Return what the node answers to a verb.

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
        """Have a node do something; return the info of its answer.

        :param refusal: what a refusal, ``1:<why>``, is raised as
        :raises OperationFailed: the node could not do it
        :raises ClientError: any other reason, see ``exceptions``
        """
        return self._settled(self.ask(verb, *arguments), refusal)

    def _settled(self, said: object, refusal: type[Refused]) -> str:
        got = answer.parse(said)
        if got.code is answer.Code.OK:
            return got.info
        wrong = refusal if got.code is answer.Code.REFUSED else OperationFailed
        raise wrong(f"{self.node}: {got.info}")
