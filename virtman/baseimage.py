# SPDX-License-Identifier: Apache-2.0
"""An image's shared stack on this node, from its paths to its place in volt.

The order of a deployment: ask volt for a place, begin to log in to the
sources, and while that goes on build multipath, cache, origin, export and
registration.  The stack needs no path to stand: what is read from it waits.
So all nodes of a branch build side by side.  Only when nobody has told the
image's size must the first login come before the first device.
"""

from __future__ import annotations

import dataclasses
import logging
import random
import time
from collections.abc import Sequence

from virtman import names
from virtman.cache.engine import CacheEngine
from virtman.conf import Settings
from virtman.drivers import connector, iscsi
from virtman.drivers.volt import (
    Assignment,
    Coordinator,
    ImageFacts,
    Seat,
)
from virtman.exception import VirtmanError, WrongIdentity
from virtman.layers.cache import Cache
from virtman.layers.export import Export
from virtman.layers.membership import Membership
from virtman.layers.multipath import Gate, Multipath
from virtman.layers.origin import Origin
from virtman.names import Role
from virtman.path import Path, Source
from virtman.paths import Paths, Sessions
from virtman.stack import Layer, Stack

LOG = logging.getLogger(__name__)

# Seconds between two questions for a place in a tree that is full for now.
_ASK_AGAIN = (0.2, 1.0)


@dataclasses.dataclass(frozen=True)
class Toolbox:
    """What every image of a node is built with."""

    settings: Settings
    engine: CacheEngine
    sessions: Sessions
    coordinator: Coordinator


class BaseImage:
    """One image's shared stack: deployed once, used by many instances."""

    def __init__(self, image: str, tools: Toolbox) -> None:
        self.image = image
        self._tools = tools
        self._connections: tuple[Source, ...] = ()
        self._seat: Seat | None = None
        self._facts: ImageFacts | None = None
        self._multipath: Multipath | None = None
        self._paths: Paths | None = None
        self._stack: Stack | None = None
        self._whole = False

    @property
    def origin(self) -> str:
        """The path of the device that snapshots stand on."""
        return names.dm_path(Role.ORIGIN, self.image)

    @property
    def seat(self) -> Seat | None:
        """The place in volt's tree; None when local, or on the way out."""
        return self._seat if self._whole else None

    @property
    def portals(self) -> list[str]:
        """The portals that the image is read from now, best first."""
        return self._paths.portals if self._paths else []

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
        self._connections = tuple(connections)
        try:
            self._build(self._assignment())
        except Exception:
            self._forget()
            raise
        return True

    def undeploy(self) -> bool:
        """Take the stack away, from the top; return whether it is gone.

        :raises InUse: a child is still logged in, or a snapshot stands on
            it; what is below stays and works.
        """
        if self._stack is None:
            return False
        self._whole = False
        self._stack.deactivate()
        self._forget()
        return True

    def reassign(self, assignment: Assignment) -> bool:
        """Read from other sources from now on; return whether they differ."""
        if self._paths is None:
            return False
        return self._paths.want(self._sources(assignment))

    def take_place(self) -> None:
        """Join the tree now if volt was away, or full, at the deployment.

        :raises VoltAway: it is still.
        :raises WrongIdentity: volt knows other content under this name.
        """
        seat = self.seat
        if seat is None or seat.peer_id or self._facts is None:
            return
        answer = self._tools.coordinator.assign(seat)
        if answer.peer_id is None:
            return
        taken = dataclasses.replace(seat, peer_id=answer.peer_id)
        known = answer.image
        if known is not None and known.serial != self._facts.serial:
            self._leave(taken)
            raise WrongIdentity(
                f"{self.image} is not served to others: volt knows it with "
                f"serial {known.serial!r}, here it has {self._facts.serial!r}"
            )
        self._seat = taken
        self._tools.coordinator.register(taken)
        LOG.info("%s has its place in the tree", self.image)
        self.reassign(answer)

    def close(self) -> None:
        """Stop the thread; devices, sessions and targets stay."""
        if self._paths is not None:
            self._paths.stop()

    def _assignment(self) -> Assignment:
        """Ask volt, unless the image's file is served on this very host."""
        mine = self._tools.settings.host_ip
        local = [item for item in self._connections if item.host == mine]
        if local:
            self._connections = tuple(local)
            return Assignment(None, ())
        self._seat = self._new_seat()
        try:
            answer = self._ask_for_place(self._seat)
        except VirtmanError as error:
            LOG.warning(
                "%s; %s is read from %s",
                error, self.image,
                ", ".join(source.portal for source in self._connections),
            )  # fmt: skip
            return Assignment(None, ())
        self._seat = dataclasses.replace(self._seat, peer_id=answer.peer_id)
        self._facts = answer.image
        return answer

    def _ask_for_place(self, seat: Seat) -> Assignment:
        """Ask until volt has a place, at most ``place_timeout`` seconds.

        With jitter: nodes that were refused together must not come back
        together.  Without a place the node reads from the image server and
        serves nobody.
        """
        coordinator = self._tools.coordinator
        deadline = time.monotonic() + self._tools.settings.place_timeout
        answer = coordinator.assign(seat)
        while answer.peer_id is None and coordinator.gives_places:
            if time.monotonic() > deadline:
                LOG.warning("volt has no place for %s", self.image)
                break
            time.sleep(random.uniform(*_ASK_AGAIN))  # noqa: S311 - jitter
            answer = coordinator.assign(seat)
        return answer

    def _build(self, assignment: Assignment) -> None:
        if self._facts is not None:
            self._require_space(self._facts.sectors)
        timeout = self._tools.settings.source_timeout
        self._paths = self._new_paths()
        self._paths.start(self._sources(assignment))
        facts = self._facts or self._learn(self._paths.wait_first(timeout))
        self._require_space(facts.sectors)
        self._multipath = Multipath(self.image, facts.sectors)
        stack = Stack(self._layers(facts, self._multipath))
        stack.activate()
        try:
            self._paths.refresh()
            self._paths.wait_applied(timeout)
        except Exception:
            stack.deactivate()
            raise
        self._stack, self._whole = stack, True

    def _complete(self, stack: Stack) -> None:
        """Build again what a refused removal took off the top."""
        if not self._whole:
            stack.activate()
            self._whole = True

    def _layers(self, facts: ImageFacts, multipath: Multipath) -> list[Layer]:
        layers: list[Layer] = [
            multipath,
            Cache(self._tools.engine, self.image, facts.sectors),
            Gate(multipath),
            Origin(self.image, facts.sectors),
        ]
        if self._seat is not None:
            layers += [
                Export(self.image, self._seat.iqn, facts.serial),
                Membership(self._tools.coordinator, self._current_seat),
            ]
        return layers

    def _current_seat(self) -> Seat:
        return self._seat or self._new_seat()

    def _new_seat(self) -> Seat:
        settings = self._tools.settings
        source = self._connections[0]
        return Seat(
            self.image,
            settings.host_ip,
            settings.iscsi_port,
            source.iqn,
            iscsi.LUN,
        )

    def _new_paths(self) -> Paths:
        settings = self._tools.settings
        return Paths(
            self.image,
            self._tools.sessions,
            self._apply,
            self._check,
            live=settings.live_sources,
            standby_wait=settings.standby_wait,
        )

    def _apply(self, paths: Sequence[Path]) -> bool | None:
        return self._multipath.update(paths) if self._multipath else None

    def _check(self, path: Path) -> None:
        """Compare a new disk with what is known of the image.

        The serial number is the identity: a portal whose target has been
        used again for other content must not get a reader (CVE-2023-2088).
        When nobody else knows, the first disk says what the image is; the
        second, which is there moments later, must be the same.
        """
        if self._facts is None:
            self._facts = self._learn(path)
        found = connector.identity(path.device)
        if path.sectors != self._facts.sectors:
            raise WrongIdentity(
                f"{path.source} has {path.sectors} sectors, {self.image} has "
                f"{self._facts.sectors}; it is not used"
            )
        if found != self._facts.serial:
            raise WrongIdentity(
                f"{path.source} has the serial {found!r}, {self.image} has "
                f"{self._facts.serial!r}; it is not used"
            )

    def _learn(self, path: Path) -> ImageFacts:
        """Take size and serial from the first disk: nobody else knows them."""
        return ImageFacts(path.sectors, "", connector.identity(path.device))

    def _sources(self, assignment: Assignment) -> tuple[Source, ...]:
        """Put the image servers we were told of last."""
        return (*assignment.sources, *self._connections)

    def _require_space(self, sectors: int) -> None:
        self._tools.engine.require_space(self.image, sectors)

    def _forget(self) -> None:
        """Log out and return to the state before the deployment."""
        paths, self._paths = self._paths, None
        if paths is not None:
            paths.stop()
            if self._multipath is not None:
                self._multipath.deactivate()
            paths.logout()
        if self._seat is not None and self._stack is None:
            self._leave(self._seat)
        self._seat = self._facts = self._multipath = self._stack = None

    def _leave(self, seat: Seat) -> None:
        try:
            self._tools.coordinator.leave(seat)
        except VirtmanError as error:
            LOG.warning(
                "%s; the place of %s is not given back", error, self.image
            )
