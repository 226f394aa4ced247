# SPDX-License-Identifier: Apache-2.0
"""An image's shared stack on this node, from its paths to its place in volt.

The order of a deployment: ask volt for a place, begin to log in to the
sources, and while that goes on build multipath, cache, origin, export and
registration.  The stack needs no path to stand: what is read from it waits.
So all nodes of a branch build side by side.  Only when nobody has told the
image's size must the first login come before the first device.
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
from virtman.state.intents import ImageIntent

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
        """The place in volt's tree; None when local, or on the way out."""
        membership = self._membership
        return membership.peer if self._whole and membership else None

    @property
    def deployed(self) -> bool:
        """Whether the stack stands, or most of it, and is this agent's."""
        return self._stack is not None

    @property
    def facts(self) -> ImageFacts | None:
        """What the image is, as far as that is known."""
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
        """What the heartbeat says of this image; None: nothing."""
        peer = self.peer
        return PeerReport(peer, self.failed) if peer else None

    def deploy(self, connections: Sequence[Source]) -> bool:
        """Build what is missing; on failure leave nothing of this call.

        :param connections: the image servers that the caller knows.
        :returns: whether the stack is new.
        :raises NoSource: nobody answered in time.
        :raises NoSpace: the cache would not fit.
        """
        if self._stack is not None:
            self._complete(self._stack)
            return False
        known = self._services.intents.get(ImageIntent, self.image)
        if known is not None and known.facts is not None:
            self.restore(known)
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
        """Take up what an agent before this one built, and build the rest.

        No source is waited for, and nothing is taken away when it fails: VMs
        may be reading what stands.

        :param intent: with the facts of the content.
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
        """Take the stack away, from the top; return whether it is gone.

        :raises InUse: a child is still logged in, or a snapshot stands on
            it; what is below stays and works.
        """
        if self._stack is None:
            return False
        self._whole = False
        self._intend(leaving=True)
        self._stack.deactivate()
        self._forget()
        return True

    def reassign(self, assignment: Assignment) -> bool:
        """Read from other sources from now on; return whether they differ.

        Needs no lock: a create or a removal may be at work.
        """
        paths = self._paths
        if paths is None:
            return False
        return paths.want(self._sources(assignment), assignment.pending)

    def look(self, deep: bool) -> None:
        """See whether sources have failed or are back; needs no lock.

        :param deep: ask the devices, too, and the engine how it is.
        """
        paths = self._paths
        if paths is not None:
            paths.look(deep)
        if deep:
            self._services.engine.look(self.image)

    def take_place(self) -> None:
        """Join the tree now if volt was away, or full, at the deployment.

        :raises VoltAway: it is still.
        :raises WrongIdentity: volt knows other content under this name.
        """
        membership, facts = self._membership, self._identity.facts
        if membership is None or facts is None or not self._whole:
            return
        answer = membership.take(facts.serial, self.failed)
        if answer is not None:
            self.reassign(answer)

    def complete(self) -> None:
        """Build again what somebody else took from a stack that was whole."""
        if self._stack is not None and self._whole:
            LOG.warning("part of %s is gone; it is built again", self.image)
            self._stack.activate()

    def close(self) -> None:
        """Stop the thread; devices, sessions and targets stay."""
        if self._paths is not None:
            self._paths.stop()

    def _assignment(self, patience: float) -> Assignment:
        """Ask volt, unless the image's file is served on this very host.

        :param patience: seconds to ask for a place while there is none.
        """
        mine = self._services.settings.host_ip
        local = [item for item in self._connections if item.host == mine]
        if local:
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
        """Log in to the sources; go on with sessions that stand already."""
        standing = OrphanedStack(self.image, self._services).sessions
        wanted = self._sources(assignment)
        if assignment.peer_id is None:
            # Nobody has named others: reads go on where they were.
            wanted = (*(path.source for path in standing), *wanted)
        self._paths = self._new_paths()
        self._paths.start(wanted, assignment.pending, standing)
        return self._paths

    def _erect(self, facts: ImageFacts) -> Stack:
        """Build the stack, or what is missing of it."""
        self._multipath = Multipath(self.image, facts.sectors)
        stack = Stack(self._layers(facts, self._multipath))
        stack.activate()
        if self._paths is not None:
            self._paths.stand_under(self._multipath)
        self._stack, self._whole = stack, True
        return stack

    def _complete(self, stack: Stack) -> None:
        """Build again what a refused removal took off the top."""
        if not self._whole:
            self._intend()
            stack.activate()
            self._whole = True

    def _intend(self, *, leaving: bool = False) -> None:
        """Write down what is wanted, for the agent after this one."""
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
        """Put the image servers we were told of last."""
        return (*assignment.sources, *self._connections)

    def _require_space(self, facts: ImageFacts) -> None:
        self._services.engine.require_space(self.image, facts.sectors)

    def _forget(self) -> None:
        """Log out and return to the state before the deployment."""
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
        """Let go of what could not be taken up; all stays as it is."""
        if self._paths is not None:
            self._paths.stop()
        self._reset()

    def _reset(self) -> None:
        self._membership = self._multipath = self._stack = self._paths = None
        self._whole = False
        self._identity = Identity(self.image)
