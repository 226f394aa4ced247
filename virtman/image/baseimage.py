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
from virtman.exception import NotFound, VirtmanError
from virtman.image.identity import Identity
from virtman.image.layers.cache import Cache
from virtman.image.layers.export import Export
from virtman.image.layers.membership import Membership
from virtman.image.layers.multipath import Gate, Multipath
from virtman.image.layers.origin import Origin
from virtman.image.orphan import OrphanedStack
from virtman.image.services import Services
from virtman.image.tree_membership import TreeMembership
from virtman.model import Assignment, ImageFacts, PeerAddress, PeerReport
from virtman.names import Role
from virtman.path import Source
from virtman.paths.reconciler import Paths
from virtman.stack import Layer, Stack
from virtman.state.intent import ImageIntent

LOG = logging.getLogger(__name__)


class BaseImage:
    """One image's shared stack: deployed once, used by many instances."""

    def __init__(self, image: str, services: Services) -> None:
        self.image = image
        self._services = services
        self._connections: tuple[Source, ...] = ()
        self._identity = Identity(image)
        self._membership: TreeMembership | None = None
        self._multipath: Multipath | None = None
        self._paths: Paths | None = None
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
        membership = self._membership
        return membership.peer if self._whole and membership else None

    @property
    def deployed(self) -> bool:
        """Whether this agent built or adopted the stack, whole or not."""
        return self._stack is not None

    @property
    def facts(self) -> ImageFacts | None:
        """The facts of the image; None until they are known."""
        return self._identity.facts

    @property
    def portals(self) -> list[str]:
        """The portals that the image is read from now, best first."""
        return self._paths.portals if self._paths else []

    @property
    def failed(self) -> tuple[Source, ...]:
        """The sources that cannot be read from now."""
        return self._paths.failed if self._paths else ()

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
        self._connections = tuple(connections)
        self._intend()
        try:
            self._build(
                self._assignment(self._services.settings.place_timeout)
            )
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
        self._connections = intent.connections
        self._identity.facts = facts = intent.facts
        if facts is None:
            raise NotFound(
                f"nothing is known of the content that {self.image} had"
            )
        try:
            self._intend()
            self._start_paths(self._assignment(0.0))
            self._erect(facts)
        except Exception:
            self._abandon()
            raise
        LOG.info("%s is taken up again", self.image)

    def undeploy(self) -> bool:
        """Remove the stack from the top; return whether there was one.

        :raises InUse: a child is still logged in, or a snapshot stands on
            it; the layers below stay and work.
        """
        if self._stack is None:
            return False
        self._whole = False
        self._intend(leaving=True)
        self._stack.deactivate()
        self._forget()
        return True

    def reassign(self, assignment: Assignment) -> bool:
        """Replace the sources of the image; return whether they differ.

        It needs no lock: a create or a removal may be at work.
        """
        paths = self._paths
        if paths is None:
            return False
        return paths.want(self._sources(assignment), assignment.pending)

    def look(self, deep: bool) -> None:
        """Check which sources of the image failed or are back; needs no lock.

        :param deep: ask the multipath device and the cache engine, too.
        """
        paths = self._paths
        if paths is not None:
            paths.look(deep)
        if deep:
            self._services.engine.look(self.image)

    def take_place(self) -> None:
        """Join the image's tree if volt gave no place at the deployment.

        :raises VoltAway: volt does not answer yet.
        :raises WrongIdentity: volt knows other content under this name.
        """
        membership, facts = self._membership, self._identity.facts
        if membership is None or facts is None or not self._whole:
            return
        answer = membership.take(facts.serial, self.failed)
        if answer is not None:
            self.reassign(answer)

    def complete(self) -> None:
        """Build again the layers that a whole stack has lost."""
        if self._stack is not None and self._whole:
            LOG.warning("part of %s is gone; it is built again", self.image)
            self._stack.activate()

    def close(self) -> None:
        """Stop the thread of the paths; devices, sessions, targets stay."""
        if self._paths is not None:
            self._paths.stop()

    def _assignment(self, patience: float) -> Assignment:
        """Ask volt for sources, unless this host serves the image's file.

        :param patience: seconds to go on asking while volt has no place.
        """
        host_ip = self._services.settings.host_ip
        local = [item for item in self._connections if item.host == host_ip]
        if local:
            # An image server has no place in the tree.
            self._connections = tuple(local)
            return Assignment(None, ())
        self._membership = TreeMembership(
            self.image, self._connections[0], self._services
        )
        try:
            answer = self._membership.ask(patience, self._identity.facts)
        except VirtmanError as error:
            LOG.warning(
                "%s; %s is read from %s",
                error, self.image,
                ", ".join(source.portal for source in self._connections),
            )  # fmt: skip
            return Assignment(None, ())
        self._identity.facts = self._identity.facts or answer.image
        return answer

    def _build(self, assignment: Assignment) -> None:
        if self._identity.facts is not None:
            self._require_space(self._identity.facts)
        timeout = self._services.settings.source_timeout
        paths = self._start_paths(assignment)
        facts = self._identity.facts or self._identity.learn(
            paths.wait_first(timeout)
        )
        self._require_space(facts)
        self._intend()
        stack = self._erect(facts)
        try:
            paths.wait_applied(timeout)
        except Exception:
            self._stack, self._whole = None, False
            stack.deactivate()
            raise

    def _start_paths(self, assignment: Assignment) -> Paths:
        """Start to log in to the sources; adopt the standing sessions."""
        standing = OrphanedStack(self.image, self._services).sessions
        wanted = self._sources(assignment)
        if assignment.peer_id is None:
            # volt named no sources: reads go on from the sources of before.
            wanted = (*(path.source for path in standing), *wanted)
        self._paths = self._new_paths()
        self._paths.start(wanted, assignment.pending, standing)
        return self._paths

    def _erect(self, facts: ImageFacts) -> Stack:
        """Build the missing layers of the stack, and give it the paths."""
        self._multipath = Multipath(self.image, facts.sectors)
        stack = Stack(self._layers(facts, self._multipath))
        stack.activate()
        if self._paths is not None:
            self._paths.stand_under(self._multipath)
        self._stack, self._whole = stack, True
        return stack

    def _complete(self, stack: Stack) -> None:
        """Build again the layers that a refused removal took off."""
        if not self._whole:
            self._intend()
            stack.activate()
            self._whole = True

    def _intend(self, *, leaving: bool = False) -> None:
        """Write the image's intent, for the next agent on this host."""
        self._services.intents.put(
            ImageIntent(
                self.image, self._connections, self._identity.facts, leaving
            )
        )

    def _layers(self, facts: ImageFacts, multipath: Multipath) -> list[Layer]:
        engine = self._services.engine
        layers: list[Layer] = [
            multipath,
            Cache(engine, self.image, facts.sectors),
            Gate(multipath, lambda: engine.opened(self.image)),
            Origin(self.image, facts.sectors),
        ]
        membership = self._membership
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

    def _new_paths(self) -> Paths:
        settings = self._services.settings
        return Paths(
            self.image,
            self._services.sessions,
            self._identity,
            self._services.beat_schedule.expedite,
            live=settings.live_sources,
            standby_wait=settings.standby_wait,
            no_source_timeout=settings.no_source_timeout,
        )

    def _sources(self, assignment: Assignment) -> tuple[Source, ...]:
        """Return volt's sources, and after them the caller's image servers."""
        return (*assignment.sources, *self._connections)

    def _require_space(self, facts: ImageFacts) -> None:
        self._services.engine.require_space(self.image, facts.sectors)

    def _forget(self) -> None:
        """Log out of the sources and forget the deployment."""
        paths, self._paths = self._paths, None
        try:
            if paths is not None:
                paths.stop()
                if self._multipath is not None:
                    self._multipath.deactivate()
                paths.logout()
            if self._membership is not None and self._stack is None:
                self._membership.leave()
            self._services.intents.remove(ImageIntent(self.image, ()))
        finally:
            self._reset()

    def _abandon(self) -> None:
        """Forget a stack that was not restored; its devices stay."""
        if self._paths is not None:
            self._paths.stop()
        self._reset()

    def _reset(self) -> None:
        self._membership = self._multipath = self._stack = self._paths = None
        self._whole = False
        self._identity = Identity(self.image)
