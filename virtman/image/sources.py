# SPDX-License-Identifier: Apache-2.0
"""Where one image is read from: volt's sources, after them the image servers.

Made anew for each deployment of the image.  It asks volt for a place in the
tree, keeps the paths to the sources, and knows the content by the facts that
volt or the first disk has told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from virtman.exception import VirtmanError
from virtman.image.identity import Identity
from virtman.image.orphan import OrphanedStack
from virtman.image.services import Services
from virtman.image.tree_membership import TreeMembership
from virtman.model import Assignment, ImageFacts
from virtman.path import Source
from virtman.paths.interfaces import Device
from virtman.paths.reconciler import Paths

LOG = logging.getLogger(__name__)


class ImageSources:
    """The sources of one deployment of an image, and the paths to them.

    :param connections: the image servers that the caller knows.
    :param facts: of the image, if an earlier agent has noted them.
    """

    def __init__(
        self,
        image: str,
        connections: Sequence[Source],
        services: Services,
        facts: ImageFacts | None = None,
    ) -> None:
        self._image = image
        self._services = services
        self._identity = Identity(image)
        self._identity.facts = facts
        settings = services.settings
        local = [c for c in connections if c.host == settings.host_ip]
        self.connections = tuple(local or connections)
        # An image server has no place in the tree.
        self.membership = (
            None if local else TreeMembership(image, connections[0], services)
        )
        self._paths = Paths(
            image,
            services.sessions,
            self._identity,
            services.beat_schedule.expedite,
            live=settings.live_sources,
            standby_wait=settings.standby_wait,
            no_source_timeout=settings.no_source_timeout,
        )

    @property
    def facts(self) -> ImageFacts | None:
        """The facts of the image; None until they are known."""
        return self._identity.facts

    @property
    def portals(self) -> list[str]:
        """The portals that the image is read from now, best first."""
        return self._paths.portals

    @property
    def failed(self) -> tuple[Source, ...]:
        """The sources that cannot be read from now."""
        return self._paths.failed

    def ask(self, timeout: float) -> Assignment:
        """Ask volt for sources, unless this host serves the image's file.

        :param timeout: seconds to go on asking while volt has no place.
        """
        if self.membership is None:
            return Assignment(None, ())
        try:
            answer = self.membership.ask(timeout, self.facts)
        except VirtmanError as error:
            LOG.warning(
                "%s; %s is read from %s",
                error, self._image,
                ", ".join(source.portal for source in self.connections),
            )  # fmt: skip
            return Assignment(None, ())
        self._identity.facts = self.facts or answer.image
        return answer

    def start(self, assignment: Assignment) -> None:
        """Start to log in to the sources; adopt the standing sessions."""
        standing = OrphanedStack(self._image, self._services).sessions
        wanted = self._wanted(assignment)
        if assignment.peer_id is None:
            # volt named no sources: reads go on from the sources of before.
            wanted = (*(path.source for path in standing), *wanted)
        self._paths.start(wanted, assignment.pending, standing)

    def learn(self, timeout: float) -> ImageFacts:
        """Return the facts of the image, if need be from the first disk.

        :param timeout: seconds to wait for that.
        :raises NoSource: no source answered in time.
        """
        return self.facts or self._identity.learn(
            self._paths.wait_first(timeout)
        )

    def stand_under(self, device: Device) -> None:
        """Put the paths under a device that was just made."""
        self._paths.stand_under(device)

    def wait_applied(self, timeout: float) -> None:
        """Wait until a live path is under the device.

        :raises NoSource: not within ``timeout`` seconds.
        """
        self._paths.wait_applied(timeout)

    def reassign(self, assignment: Assignment) -> bool:
        """Replace the sources; return whether they differ."""
        return self._paths.want(self._wanted(assignment), assignment.pending)

    def look(self, deep: bool) -> None:
        """Check which sources failed or are back.

        :param deep: ask the multipath device, too.
        """
        self._paths.look(deep)

    def take_place(self) -> None:
        """Join the image's tree if volt gave no place at the deployment.

        :raises VoltAway: volt does not answer yet.
        :raises WrongIdentity: volt knows other content under this name.
        """
        if self.membership is None or self.facts is None:
            return
        answer = self.membership.take(self.facts.serial, self.failed)
        if answer is not None:
            self.reassign(answer)

    def stop(self) -> None:
        """Stop the thread of the paths; sessions stay."""
        self._paths.stop()

    def logout(self) -> None:
        """End every session; the device above must be gone by now."""
        self._paths.logout()

    def _wanted(self, assignment: Assignment) -> tuple[Source, ...]:
        """Return volt's sources, and after them the caller's image servers."""
        return (*assignment.sources, *self.connections)
