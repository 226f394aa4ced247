# SPDX-License-Identifier: Apache-2.0
"""The image targets of one image server: ``Targets(endpoint).create(...)``.

The image server's agent is asked, by the door that the endpoint names, as
:class:`virtmanclient.client.Client` reads it.
"""

from __future__ import annotations

from virtmanclient import vmtapi
from virtmanclient.agent import Agent
from virtmanclient.doors.network import direct
from virtmanclient.exceptions import AlreadyExists


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
        doors = direct(
            endpoint, timeout, token, Agent, "targets cannot be made"
        )
        self.node = doors.node
        self._local, self._network = doors.local, doors.network

    def create(self, image: str, file: str) -> None:
        """Export a RAW file of the node as an image.

        :raises AlreadyExists: an image of that name is exported
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            self._local.create_target(image, file)
            return
        self._network.order(
            "create_image_target", image, file, None, vmtapi.IQN_PREFIX,
            refusal=AlreadyExists,
        )  # fmt: skip

    def delete(self, image: str) -> None:
        """Stop exporting an image; the file stays.

        :raises NotFound: no image of that name is exported
        :raises Refused: a node reads the image
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            self._local.delete_target(image)
            return
        self._network.order("destroy_image_target", image)

    def images(self) -> set[str]:
        """Return the names of the exported images, each with ``volume-``."""
        if self._local:
            return {str(target["image"]) for target in self._local.targets()}
        lines: list[str] = self._network.ask("list_image_target")
        # <image>:<tid>:<device>; the last two have no colon in them.
        return {line.rsplit(":", 2)[0] for line in lines}
