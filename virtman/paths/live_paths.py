# SPDX-License-Identifier: Apache-2.0
"""The sessions of one image that are up, and the device above them.

A path is put under the device when its disk is known to be the image.  A path
that fails is taken from the device at once, and given back to it only when its
disk was asked for its serial number again: a portal that was away may serve
other content now (CVE-2023-2088).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence

from virtman.exception import NoSource, VirtmanError, WrongIdentity
from virtman.path import Path, SessionState, Source
from virtman.paths.failures import Failures
from virtman.paths.interfaces import Identity, Sessions
from virtman.paths.table import Table

LOG = logging.getLogger(__name__)


class LivePaths:
    """The live paths, by source; ``changed`` is notified of each change."""

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        identity: Identity,
        failures: Failures,
        changed: threading.Condition,
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._identity = identity
        self._failures = failures
        self._changed = changed
        self._paths: dict[Source, Path] = {}
        # Paths that are being logged out: the end of their sessions is no
        # failure.
        self._leaving: dict[Source, Path] = {}
        self.table = Table(changed)
        self.errors: dict[Source, str] = {}

    def __contains__(self, source: Source) -> bool:
        """Tell whether a source has a session, be it failed or leaving."""
        return source in self._paths or source in self._leaving

    @property
    def paths(self) -> list[Path]:
        """Every path, the failed ones too."""
        with self._changed:
            return list(self._paths.values())

    @property
    def healthy(self) -> list[Path]:
        """The paths that can be read from."""
        return [path for path in self.paths if not self._failed(path)]

    @property
    def behind(self) -> bool:
        """Whether a logout or a change of the table has to be retried."""
        return bool(self._leaving) or self.table.behind

    def connect(self, source: Source) -> bool:
        """Log in to a source and check its disk; return whether it fits."""
        try:
            if not self._sessions.serves(source):
                raise NoSource("does not serve the target")
            path = self._sessions.connect(source)
        except NoSource as error:
            self.errors[source] = str(error)
            return False
        try:
            self._identity.check(path)
        except WrongIdentity as error:
            self._give_back(path, error)
            return False
        with self._changed:
            self._paths[source] = path
            self.errors.pop(source, None)
            self._changed.notify_all()
        return True

    def adopt(self, standing: Sequence[Path]) -> None:
        """Adopt the sessions that an earlier agent left.

        A session without a disk is ended: its login was cut short.
        """
        for path in standing:
            if not path.device:
                self._sessions.disconnect(path)
                continue
            try:
                self._identity.check(path)
            except WrongIdentity as error:
                self._give_back(path, error)
                continue
            with self._changed:
                self._paths[path.source] = path
                self._changed.notify_all()

    def down(self, deep: bool) -> list[Path]:
        """Return the paths that are down, as the kernel says.

        :param deep: ask the device too, at the cost of a process.
        """
        paths = self.paths
        failed = self.table.failed(paths) if deep else []
        down = [
            path
            for path in paths
            if path in failed
            or self._sessions.state(path) is not SessionState.UP
        ]
        # A path that was logged out meanwhile has not failed.
        here = self.paths
        return [path for path in down if path in here]

    def returning(self) -> list[Path]:
        """Return the failed paths whose sessions are back, or gone.

        A path that was back and failed again waits, unless all others failed.
        """
        alone = not self.healthy
        return [
            path
            for path in self.paths
            if self._failed(path)
            and (alone or self._failures.ripe(path.source))
            and self._sessions.state(path) is not SessionState.DOWN
        ]

    def take_back(self) -> None:
        """Use the paths that are back; drop those whose session is gone."""
        for path in self.returning():
            if self._sessions.state(path) is SessionState.GONE:
                self.drop(path)
                continue
            try:
                self._identity.check_again(path)
                self.table.take_back(path)
            except WrongIdentity as error:
                self._forget(path)
                self._give_back(path, error)
            except VirtmanError as error:
                LOG.debug("%s: %s: %s", self._name, path.source, error)
            else:
                self._failures.clear(path.source)
                LOG.info("%s: %s is back", self._name, path.source.portal)

    def still_down(self) -> list[Path]:
        """Return the failed paths whose sessions are still down."""
        return [
            path
            for path in self.paths
            if self._failed(path)
            and self._sessions.state(path) is SessionState.DOWN
        ]

    def put_under(
        self, wanted: Sequence[Source], live: int, *, tidy: bool = False
    ) -> None:
        """Put the best paths under the device, if others are there now.

        A failed path stays in a table that is right but for it: the device
        leaves it alone, and a reload would cost the readers a stall.

        :param tidy: take out a failed path that is not wanted any more.
        """
        best = self._best(wanted, live)
        kept = [
            path
            for path in self.table.applied
            if not self._failed(path) or (tidy and path.source not in wanted)
        ]
        if best and best != kept:
            self.table.put(best)
        else:
            self.table.leave()

    def drop_unwanted(self, wanted: Collection[Source]) -> None:
        """Log out of the paths that the device does not use or wait for."""
        for path in list(self._leaving.values()):
            self.drop(path)
        # During a change of the table every path is, or may be, in use.
        if self.table.behind or not self.table.applied:
            return
        for path in self.paths:
            comes_back = self._failed(path) and path.source in wanted
            if path not in self.table.applied and not comes_back:
                self.drop(path)

    def logout(self) -> None:
        """End every session.  The device above must be gone by now."""
        for path in [*self.paths, *self._leaving.values()]:
            self.drop(path)

    def ordered(self, wanted: Sequence[Source]) -> list[Path]:
        """Return every path, the wanted ones first and in their order."""
        rank = {source: index for index, source in enumerate(wanted)}
        return sorted(
            self.paths, key=lambda path: rank.get(path.source, len(rank))
        )

    def _best(self, wanted: Sequence[Source], live: int) -> list[Path]:
        """Return the wanted paths that can be read, or else all of those."""
        readable = [p for p in self.ordered(wanted) if not self._failed(p)]
        best = [path for path in readable if path.source in wanted]
        return best[:live] or readable

    def _failed(self, path: Path) -> bool:
        return path.source in self._failures

    def _give_back(self, path: Path, error: WrongIdentity) -> None:
        """Log out of a disk that is another image; log that once."""
        if self.errors.get(path.source) != str(error):
            LOG.error("%s: %s", self._name, error)
        self.errors[path.source] = str(error)
        self._sessions.disconnect(path)

    def drop(self, path: Path) -> None:
        """Log out of a path; a logout that fails is tried again."""
        self._leaving[path.source] = path
        self._forget(path)
        self._sessions.disconnect(path)
        del self._leaving[path.source]

    def _forget(self, path: Path) -> None:
        with self._changed:
            self._paths.pop(path.source, None)
            self.table.forget(path)
