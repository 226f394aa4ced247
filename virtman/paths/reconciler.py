# SPDX-License-Identifier: Apache-2.0
"""The paths of one image: kept in line with the sources that are wanted.

One thread an image does the rounds (:mod:`virtman.paths.rounds`).  A path that
fails is noticed elsewhere (:meth:`Paths.look`): this thread may be at a login
for seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from virtman.exception import NoSource, VirtmanError
from virtman.path import Path, Source, unique
from virtman.paths.failures import Failures
from virtman.paths.interfaces import Device, Identity, Sessions
from virtman.paths.live_paths import LivePaths
from virtman.paths.no_path_policy import NoPathPolicy
from virtman.paths.rounds import Rounds, Wanted
from virtman.worker import Worker

LOG = logging.getLogger(__name__)

# Seconds until the first repetition of a round that is to be repeated, and
# the factor by which each further pause is longer.  A new list of sources
# wakes the thread at once.
_RETRY_FIRST, _LONGER = 0.2, 1.5


class Paths:
    """The paths of one image, wanted and live.

    :param report: is called when a source has failed.
    :param live: how many paths to keep up.
    :param no_source_timeout: seconds without a living path after which reads
        fail; 0: they wait until one is back.
    :param standby_wait: seconds that the first source has to answer before
        the next is read in its place, and before it counts as failed.
    """

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        identity: Identity,
        report: Callable[[], None],
        *,
        live: int,
        standby_wait: float,
        no_source_timeout: float = 0.0,
    ) -> None:
        self._name = name
        self._report = report
        self._standby_wait = standby_wait
        self._changed = threading.Condition()
        self._failures = Failures()
        self._live_paths = LivePaths(
            name, sessions, identity, self._failures, self._changed
        )
        self._no_path_policy = NoPathPolicy(
            name, self._live_paths.table, no_source_timeout
        )
        self._worker = Worker(f"paths-{name}", self._turn, self._wake)
        self._wanted = Wanted()
        self._standing: tuple[Path, ...] = ()
        self._dirty = self._poked = False
        self._pause = _RETRY_FIRST
        self._rounds = Rounds(
            name,
            sessions,
            self._failures,
            self._live_paths,
            live=live,
            standby_wait=standby_wait,
            interrupted=lambda: self._dirty or self._worker.ending.is_set(),
            poked=lambda: self._poked,
            report=report,
        )

    def start(
        self,
        wanted: Sequence[Source],
        pending: Collection[Source] = (),
        standing: Sequence[Path] = (),
    ) -> None:
        """Start the thread that logs in to the sources; return at once.

        :param pending: sources that are still coming up.
        :param standing: sessions that an earlier agent has left.
        """
        self._standing = tuple(standing)
        self._wanted = self._want(wanted, pending)
        self._dirty = True
        self._worker.start()

    def want(
        self, wanted: Sequence[Source], pending: Collection[Source] = ()
    ) -> bool:
        """Replace the wanted sources, best first; return whether they differ.

        :param pending: sources that are still coming up.
        """
        new = self._want(wanted, pending)
        with self._changed:
            if new.sources == self._wanted.sources:
                self._wanted = replace(self._wanted, pending=new.pending)
                return False
            LOG.info(
                "%s: sources are now %s", self._name,
                ", ".join(source.portal for source in new.sources),
            )  # fmt: skip
            self._wanted = new
            self._wake()
            return True

    def stand_under(self, device: Device) -> None:
        """Put the live paths under a device that was just made."""
        with self._changed:
            self._live_paths.table.stand_under(device)
            self._wake()

    def look(self, deep: bool = False) -> None:
        """Check which paths have failed or are back; any thread may call it.

        :param deep: ask the multipath device too, not only the sessions.
        """
        for path in self._live_paths.down(deep):
            if self._failures.add(path.source):
                LOG.warning("%s: %s failed", self._name, path.source.portal)
                self._report()
                self._live_paths.table.fail(path)
                self._poke()
        if self._live_paths.returning():
            self._poke()
        self._no_path_policy.note(
            bool(self._live_paths.healthy), self._wanted.sources, deep
        )

    def wait_first(self, timeout: float) -> Path:
        """Return the best live path, waiting for the first to come up.

        :param timeout: seconds.
        :raises NoSource: no path came up; the message has each one's reason.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._live_paths.paths, timeout
            ):
                raise NoSource(self._why(timeout))
            return self._live_paths.ordered(self._wanted.sources)[0]

    def wait_applied(self, timeout: float) -> None:
        """Wait until a live path is under the device.

        :raises NoSource: not within ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._live_paths.table.applied, timeout
            ):
                raise NoSource(self._why(timeout))

    @property
    def portals(self) -> list[str]:
        """The portals in use now, best first."""
        with self._changed:
            return [
                path.source.portal for path in self._live_paths.table.applied
            ]

    @property
    def failed(self) -> tuple[Source, ...]:
        """The sources that cannot be read from now."""
        return self._failures.sources

    def stop(self) -> None:
        """End the thread; sessions stay until :meth:`logout`."""
        self._worker.stop()

    def logout(self) -> None:
        """End every session.  The device above must be gone by now."""
        self._live_paths.logout()

    def _turn(self) -> None:
        """Do a round, then wait for a change or for the next try."""
        with self._changed:
            self._dirty = self._poked = False
            wanted, standing = self._wanted, self._standing
            self._standing = ()
        settled = False
        try:
            settled = self._rounds.turn(wanted, standing)
        except VirtmanError as error:
            LOG.warning(
                "%s: its paths are not changed yet: %s", self._name, error
            )
        except Exception:
            # A fault of the program, logged before the rest.
            LOG.exception("%s: its paths are not changed yet", self._name)
        self._rest(settled)

    def _rest(self, settled: bool) -> None:
        """Wait for a change, or, if it is to be repeated, for the next try."""
        ending = self._worker.ending
        with self._changed:
            self._changed.wait_for(
                lambda: self._dirty or self._poked or ending.is_set(),
                None if settled else self._pause,
            )
            woken = self._dirty
        longer = min(self._pause * _LONGER, self._rounds.most)
        self._pause = _RETRY_FIRST if woken else longer

    def _poke(self) -> None:
        """Start a round now; unlike :meth:`_wake`, do not cut one short."""
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._dirty = True
            self._changed.notify_all()

    def _want(
        self, sources: Sequence[Source], pending: Collection[Source]
    ) -> Wanted:
        standby_from = time.monotonic() + self._standby_wait
        return Wanted(unique(sources), frozenset(pending), standby_from)

    def _why(self, timeout: float) -> str:
        errors = self._live_paths.errors
        reasons = "; ".join(
            f"{source.portal}: {errors.get(source, 'no answer')}"
            for source in self._wanted.sources
        )
        return f"{self._name}: no source answered in {timeout:g} s ({reasons})"
