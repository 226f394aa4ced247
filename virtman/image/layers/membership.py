# SPDX-License-Identifier: Apache-2.0
"""The node's place in volt's tree: others may be sent to our target.

A tap like the export; the only layer that speaks to volt.  volt's picture is
soft and the heartbeat heals it, so a volt that does not answer fails neither
the build nor the removal: it is said in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from virtman.coordinator.protocol import Coordinator
from virtman.exception import VirtmanError
from virtman.model import PeerAddress
from virtman.stack import ABSENT, Layer, Status

LOG = logging.getLogger(__name__)


class Membership(Layer):
    """Registered with volt while the stack stands.

    :param peer: gives the place now; it may be taken later than the stack
        was built, when volt was away then.
    """

    def __init__(
        self, coordinator: Coordinator, peer: Callable[[], PeerAddress]
    ) -> None:
        self._coordinator = coordinator
        self._peer = peer

    def status(self, below: str) -> Status:
        """Say absent: registering twice is harmless, asking first is not."""
        return ABSENT

    def build(self, below: str) -> str:
        """Register; a volt that is away is told by the next heartbeat."""
        try:
            self._coordinator.register(self._peer())
        except VirtmanError as error:
            LOG.warning(
                "%s; this node serves %s, but gets no children until volt "
                "answers a heartbeat", error, self._peer().image,
            )  # fmt: skip
        return below

    def deactivate(self) -> bool:
        """Leave the tree; an absent volt finds out by the missing beats."""
        try:
            return self._coordinator.leave(self._peer())
        except VirtmanError as error:
            LOG.warning(
                "%s; volt does not know that this node leaves the tree of %s",
                error,
                self._peer().image,
            )
            return False
