# SPDX-License-Identifier: Apache-2.0
"""The image targets of one image server: ``Targets(endpoint).create(...)``.

Asked of its agent, by the door that the endpoint names, as
:class:`virtmanclient.client.Client` reads it.
"""

from collections.abc import Callable

from virtmanclient import answer, broker, vmtapi
from virtmanclient.agent import Agent
from virtmanclient.client import UNIX, Client
from virtmanclient.exceptions import (
    AlreadyExists,
    InvalidEndpoint,
    NotFound,
    OperationFailed,
    Refused,
    translated,
)


class Targets:
    """Exports RAW files of one node under the names of images.

    :param endpoint: ``unix:///run/virtman/agent.sock``, ``host:port`` or
        ``http://host:port``
    :param timeout: seconds to wait for an answer, None for ever
    :param token: the node's secret; None takes the environment's
    :raises InvalidEndpoint: the endpoint is none of these
    """

    def __init__(
        self,
        endpoint: str,
        timeout: float | None = 600,
        token: str | None = None,
    ) -> None:
        if endpoint.startswith(broker.SCHEME):
            raise InvalidEndpoint("no targets are made through a broker")
        self.node = Client(endpoint).node
        self._local = None
        self._how = (vmtapi.PORT, timeout, token)
        if endpoint.startswith(UNIX):
            self._local = Agent(self.node, timeout)

    def create(self, image: str, file: str) -> None:
        """Export a file of the node.

        :raises AlreadyExists: an image of that name is exported
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            self._local.create_target(image, file)
            return
        self._ask(
            lambda: vmtapi.create_image_target(
                self.node, image, file, None, vmtapi.IQN_PREFIX, *self._how
            ),
            AlreadyExists,
        )

    def delete(self, image: str) -> None:
        """Export an image no more; the file stays.

        :raises NotFound: no image of that name is exported
        :raises Refused: a node reads it
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            self._local.delete_target(image)
            return
        self._ask(
            lambda: vmtapi.destroy_image_target(self.node, image, *self._how),
            NotFound,
        )

    def images(self) -> set[str]:
        """Return the names that are exported, ``volume-`` before each."""
        if self._local:
            return {str(one["image"]) for one in self._local.targets()}
        with translated(self.node):
            found = vmtapi.list_image_target(self.node, *self._how)
        # The id and the device behind it have no colon.
        return {one.rsplit(":", 2)[0] for one in found}

    def _ask(self, call: Callable[[], object], refusal: type[Refused]) -> None:
        with translated(self.node):
            said = answer.parse(call())
        if said.code is answer.Code.REFUSED:
            raise refusal(f"{self.node}: {said.info}")
        if said.code is not answer.Code.OK:
            raise OperationFailed(f"{self.node}: {said.info}")
