# SPDX-License-Identifier: Apache-2.0
"""An image's shared stack on this node, from its paths to its place in volt.

The order of a deployment: ask volt for a place, begin to log in to the
sources, and while that goes on build multipath, cache, origin, export and
registration.  The stack stands without a path; reads wait for one.  So all
nodes of a branch build side by side.  Only when the image's size is unknown
must the first login come before the first device.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from virtman import names
from virtman.exception import NotFound
from virtman.image.layers.cache import Cache
from virtman.image.layers.export import Export
from virtman.image.layers.membership import Membership
from virtman.image.layers.multipath import Gate, Multipath
from virtman.image.layers.origin import Origin
from virtman.image.services import Services
from virtman.image.sources import ImageSources
from virtman.model import Assignment, ImageFacts, PeerAddress, PeerReport
from virtman.names import Role
from virtman.path import Source
from virtman.stack import Layer, Stack
from virtman.state.intent import ImageIntent

LOG = logging.getLogger(__name__)


class BaseImage:
    """One image's shared stack: deployed once, used by many instances."""

    def __init__(self, image: str, services: Services) -> None:
        self.image = image
        self._services = services
        self._sources: ImageSources | None = None
        self._multipath: Multipath | None = None
        self._stack: Stack | None = None
        self._whole = False

    @property
    def origin(self) -> str:
        """The path of the device that snapshots stand on."""
        return names.dm_path(Role.ORIGIN, self.image)

    @property
    def peer(self) -> PeerAddress | None:
        """The node's peer in volt's tree.

        None if the image's file is on this host, or the stack is incomplete.
        """
        sources = self._sources
        membership = sources.membership if sources else None
        return membership.peer if self._whole and membership else None

    @property
    def deployed(self) -> bool:
        """Whether this agent built or adopted the stack, whole or not."""
        return self._stack is not None

    @property
    def facts(self) -> ImageFacts | None:
        """The facts of the image; None until they are known."""
        return self._sources.facts if self._sources else None

    @property
    def portals(self) -> list[str]:
        """The portals that the image is read from now, best first."""
        return self._sources.portals if self._sources else []

    @property
    def failed(self) -> tuple[Source, ...]:
        """The sources that cannot be read from now."""
        return self._sources.failed if self._sources else ()

    @property
    def report(self) -> PeerReport | None:
        """The peer and its failed sources for the next beat, if it has one."""
        peer = self.peer
        return PeerReport(peer, self.failed) if peer else None

    def deploy(self, connections: Sequence[Source]) -> bool:
        """Build the missing layers of the stack; undo them if one fails.

        :param connections: the image servers that the caller knows.
        :returns: whether the stack is new.
        :raises NoSource: no source answered in time.
        :raises NoSpace: the cache would not fit.
        """
        if self._stack is not None:
            self._complete(self._stack)
            return False
        intent = self._services.intents.get(ImageIntent, self.image)
        if intent is not None and intent.facts is not None:
            self.restore(intent)
            return False
        sources = ImageSources(self.image, connections, self._services)
        self._sources = sources
        self._intend(sources)
        try:
            self._build(sources)
        except Exception:
            self._forget()
            raise
        return True

    def restore(self, intent: ImageIntent) -> None:
        """Adopt the layers that an earlier agent built; build the others.

        It waits for no source.  A failure removes no layer: VMs may be
        reading from those that stand.

        :param intent: with the facts of the image.
        """
        if self._stack is not None:
            return
        facts = intent.facts
        if facts is None:
            raise NotFound(
                f"the size and the serial number of {self.image} are unknown; "
                "create an instance of it with an image server"
            )
        sources = ImageSources(
            self.image, intent.connections, self._services, facts
        )
        self._sources = sources
        try:
            self._intend(sources)
            sources.start(sources.ask(0.0))
            self._erect(sources, facts)
        except Exception:
            # The devices stay.
            sources.stop()
            self._reset()
            raise
        LOG.info("the stack of %s is restored", self.image)

    def undeploy(self) -> bool:
        """Remove the stack from the top; return whether there was one.

        :raises InUse: a child is still logged in, or a snapshot stands on
            it; the layers below stay and work.
        """
        if self._stack is None or self._sources is None:
            return False
        self._whole = False
        self._intend(self._sources, leaving=True)
        self._stack.deactivate()
        self._forget()
        return True

    def reassign(self, assignment: Assignment) -> bool:
        """Replace the sources of the image; return whether they differ.

        It needs no lock: a create or a removal may be at work.
        """
        sources = self._sources
        return sources is not None and sources.reassign(assignment)

    def look(self, deep: bool) -> None:
        """Check which sources of the image failed or are back; needs no lock.

        :param deep: ask the multipath device and the cache engine, too.
        """
        sources = self._sources
        if sources is not None:
            sources.look(deep)
        if deep:
            self._services.engine.look(self.image)

    def take_place(self) -> None:
        """Join the image's tree if volt gave no place at the deployment.

        :raises VoltAway: volt does not answer yet.
        :raises WrongIdentity: volt knows other content under this name.
        """
        if self._sources is not None and self._whole:
            self._sources.take_place()

    def complete(self) -> None:
        """Build again the layers that a whole stack has lost."""
        if self._stack is not None and self._whole:
            LOG.warning(
                "the stack of %s has lost layers; they are built again",
                self.image,
            )
            self._stack.activate()

    def close(self) -> None:
        """Stop the thread of the paths; devices, sessions, targets stay."""
        if self._sources is not None:
            self._sources.stop()

    def _build(self, sources: ImageSources) -> None:
        settings = self._services.settings
        assignment = sources.ask(settings.place_timeout)
        if sources.facts is not None:
            self._require_space(sources.facts)
        sources.start(assignment)
        facts = sources.learn(settings.source_timeout)
        self._require_space(facts)
        self._intend(sources)
        stack = self._erect(sources, facts)
        try:
            sources.wait_applied(settings.source_timeout)
        except Exception:
            self._stack, self._whole = None, False
            stack.deactivate()
            raise

    def _erect(self, sources: ImageSources, facts: ImageFacts) -> Stack:
        """Build the missing layers of the stack, and give it the paths."""
        self._multipath = Multipath(self.image, facts.sectors)
        stack = Stack(self._layers(sources, facts, self._multipath))
        stack.activate()
        sources.stand_under(self._multipath)
        self._stack, self._whole = stack, True
        return stack

    def _complete(self, stack: Stack) -> None:
        """Build again the layers that a refused removal took off."""
        if not self._whole and self._sources is not None:
            self._intend(self._sources)
            stack.activate()
            self._whole = True

    def _intend(self, sources: ImageSources, *, leaving: bool = False) -> None:
        """Write the image's intent, for the next agent on this host."""
        self._services.intents.put(
            ImageIntent(
                self.image, sources.connections, sources.facts, leaving
            )
        )

    def _layers(
        self, sources: ImageSources, facts: ImageFacts, multipath: Multipath
    ) -> list[Layer]:
        engine = self._services.engine
        layers: list[Layer] = [
            multipath,
            Cache(engine, self.image, facts.sectors),
            Gate(multipath, lambda: engine.opened(self.image)),
            Origin(self.image, facts.sectors),
        ]
        membership = sources.membership
        if membership is not None:
            layers += [
                Export(
                    self.image,
                    membership.peer.iqn,
                    facts.serial,
                    self._services.settings.closed_targets,
                ),
                Membership(
                    self._services.coordinator, lambda: membership.peer
                ),
            ]
        return layers

    def _require_space(self, facts: ImageFacts) -> None:
        self._services.engine.require_space(self.image, facts.sectors)

    def _forget(self) -> None:
        """Log out of the sources and forget the deployment."""
        sources, multipath = self._sources, self._multipath
        try:
            if sources is not None:
                sources.stop()
                if multipath is not None:
                    multipath.deactivate()
                sources.logout()
                # With its layer, a place was given back by that.
                if sources.membership is not None and self._stack is None:
                    sources.membership.leave()
            self._services.intents.remove(ImageIntent(self.image, ()))
        finally:
            self._reset()

    def _reset(self) -> None:
        self._sources = self._multipath = self._stack = None
        self._whole = False
