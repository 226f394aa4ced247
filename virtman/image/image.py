# SPDX-License-Identifier: Apache-2.0
"""An image on this node: its stack, and the instances that stand on it.

There is one lock for each image: creates of one image deploy it once, and
creates of different images do not wait for each other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from virtman.exception import InUse
from virtman.image.baseimage import BaseImage
from virtman.image.instances import ImageInstances
from virtman.image.orphan import OrphanedStack
from virtman.image.services import Services
from virtman.instance.snapshot import Instance
from virtman.model import Assignment, ImageFacts, PeerAddress, PeerReport
from virtman.state.intent import ImageIntent

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageReport:
    """An image as a list shows it.

    ``portals`` are those that it is read from now, best first, ``failed``
    those of the sources that cannot be read.
    """

    name: str
    facts: ImageFacts | None
    peer: PeerAddress | None
    portals: tuple[str, ...]
    failed: tuple[str, ...]


class Image:
    """One image's stack and instances, and their upkeep, under one lock."""

    def __init__(self, image: str, services: Services) -> None:
        self.name = image
        self._base = BaseImage(image, services)
        self._orphan = OrphanedStack(image, services)
        self._intents = services.intents
        self._lock = threading.Lock()
        self.instances = ImageInstances(self._base, services, self._lock)

    @property
    def deployed(self) -> bool:
        """Whether this agent built or adopted the stack, whole or not."""
        return self._base.deployed

    @property
    def peer(self) -> PeerAddress | None:
        """The node's peer in volt's tree, if it has one."""
        return self._base.peer

    @property
    def beat_report(self) -> PeerReport | None:
        """The peer and its failed sources for the next beat, if it has one."""
        return self._base.report

    def report(self) -> ImageReport:
        """Return the image as a list shows it."""
        base = self._base
        return ImageReport(
            self.name,
            base.facts,
            base.peer,
            tuple(base.portals),
            tuple(source.portal for source in base.failed),
        )

    def look(self, deep: bool) -> None:
        """Check which sources of the image failed or are back; needs no lock.

        :param deep: ask the multipath device and the cache engine, too.
        """
        self._base.look(deep)

    def close(self) -> None:
        """Stop the thread of the paths; devices, sessions, targets stay."""
        self._base.close()

    def recover(self) -> None:
        """Restore or remove the stack that an earlier agent left."""
        with self._unless_busy() as held:
            intent = self._intents.get(ImageIntent, self.name)
            if not held or intent is None or self._base.deployed:
                return
            if not (self.instances.any_wanted() or self._orphan.children):
                self._orphan.clear()
            elif intent.facts is not None:
                self._base.restore(intent)

    def adopt(self, instance: Instance) -> bool:
        """Write the intents of an instance that stands without one.

        Its disk may be in use, so it stays if that fails.

        :returns: whether the image's facts are known and the intent is made.
        """
        with self._lock:
            stored = self._intents.get(ImageIntent, self.name)
            base = stored or self._orphan.describe()
            if base is None or base.facts is None:
                return False
            self._intents.put(base)
            self.instances.adopt(instance, base)
            return True

    def clear(self) -> None:
        """Remove the orphaned stack of an image that nothing needs."""
        with self._lock:
            if not (self.instances.any_wanted() or self._base.deployed):
                self._orphan.clear()

    def follow(self, assignments: Mapping[str, Assignment]) -> None:
        """Apply volt's assignment to the image; ask for a place without one.

        New sources are applied during a create, too.  The question for a
        place needs the lock: during a create it is left to the next beat.
        """
        peer = self._base.peer
        answer = assignments.get(peer.peer_id or "") if peer else None
        if answer is not None:
            self._base.reassign(answer)
        elif peer and not peer.peer_id:
            with self._unless_busy() as held:
                if held:
                    self._base.take_place()

    def complete(self) -> None:
        """Build again the layers that a whole stack has lost.

        Nothing is done while a verb is at work on the image.
        """
        with self._unless_busy() as held:
            if held:
                self._base.complete()

    def remove_if_idle(self) -> bool:
        """Remove the image unless instances or children use it.

        volt gives the children other parents; until the last child has left,
        the stack stays as it is.

        :returns: whether the image was removed.
        """
        with self._unless_busy() as held:
            if not held or self.instances.any_wanted():
                return False
            try:
                return self._base.undeploy()
            except InUse as error:
                LOG.info("%s is kept for now: %s", self.name, error)
                return False

    @contextmanager
    def _unless_busy(self) -> Iterator[bool]:
        """Hold the lock unless a verb has it; yield whether it is held."""
        held = self._lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                self._lock.release()
