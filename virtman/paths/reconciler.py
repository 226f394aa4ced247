# SPDX-License-Identifier: Apache-2.0
"""Keeps an image's live paths in line with the sources that are wanted.

One thread an image.  It logs in to the first sources of the list that answer
(``live`` of them), puts each new path under the multipath device before an
unwanted one goes, and then logs that one out.  A parent that is not there
yet is asked again; the next source stands in for it meanwhile.  A path that
fails is noticed elsewhere (:meth:`Paths.look`): this thread may be at a
login for seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from virtman.exception import NoSource, VirtmanError
from virtman.path import Path, Source, unique
from virtman.paths.failures import Failures
from virtman.paths.interfaces import Device, Identity, Sessions
from virtman.paths.live_paths import LivePaths
from virtman.paths.no_path_policy import NoPathPolicy

LOG = logging.getLogger(__name__)

# Seconds between two rounds of asking portals that did not answer; it grows
# to the second figure.  A new list of sources wakes the thread at once.
_RETRY_FIRST, _RETRY_MOST = 0.2, 5.0
# The same for a portal that failed and was replaced by volt.
_ASK_MOST = 30.0
# The same as the first while no path lives, and readers wait.
_RETRY_ALONE = 1.0
# Seconds in which a session may come back by itself once its portal serves.
_RENEW_AFTER = 2.0


class Paths:
    """The paths of one image, wanted and live.

    :param news: is called when a source has failed.
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
        news: Callable[[], None],
        *,
        live: int,
        standby_wait: float,
        no_source_timeout: float = 0.0,
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._news = news
        self._live = live
        self._standby_wait = standby_wait
        self._changed = threading.Condition()
        self._failures = Failures()
        self._live_paths = LivePaths(
            name, sessions, identity, self._failures, self._changed
        )
        self._no_path_policy = NoPathPolicy(
            name, self._live_paths.table, no_source_timeout
        )
        self._wanted: tuple[Source, ...] = ()
        self._pending: frozenset[Source] = frozenset()
        self._standing: tuple[Path, ...] = ()
        self._standby_from = 0.0
        self._ending = self._dirty = self._poked = False
        self._thread = threading.Thread(
            target=self._run, name=f"paths-{name}", daemon=True
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
        self._wanted = unique(wanted)
        self._pending = frozenset(pending)
        self._standby_from = time.monotonic() + self._standby_wait
        self._dirty = True
        self._thread.start()

    def want(
        self, wanted: Sequence[Source], pending: Collection[Source] = ()
    ) -> bool:
        """Replace the wanted sources, best first; return whether they differ.

        :param pending: sources that are still coming up.
        """
        new = unique(wanted)
        with self._changed:
            self._pending = frozenset(pending)
            if new == self._wanted:
                return False
            LOG.info(
                "%s: sources are now %s",
                self._name, ", ".join(source.portal for source in new),
            )  # fmt: skip
            self._wanted = new
            self._standby_from = time.monotonic() + self._standby_wait
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
                self._news()
                self._live_paths.table.fail(path)
                self._poke()
        if self._live_paths.returning():
            self._poke()
        self._no_path_policy.note(
            bool(self._live_paths.healthy), self._wanted, deep
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
            return self._live_paths.ordered(self._wanted)[0]

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
        with self._changed:
            self._ending = True
            self._wake()
        if self._thread.is_alive():
            self._thread.join()

    def logout(self) -> None:
        """End every session.  The device above must be gone by now."""
        self._live_paths.logout()

    def _run(self) -> None:
        pause = _RETRY_FIRST
        while not self._ending:
            with self._changed:
                self._dirty = self._poked = False
            try:
                settled = self._round()
            except VirtmanError as error:
                LOG.warning("%s: paths not changed: %s", self._name, error)
                settled = False
            except Exception:
                # A fault of the agent.  Without this thread the image's
                # readers would wait for ever once their parent is gone.
                LOG.exception("%s: paths not changed", self._name)
                settled = False
            pause = self._rest(settled, pause)

    def _rest(self, settled: bool, pause: float) -> float:
        """Wait for a change, or for the next try; return the next pause."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._dirty or self._poked or self._ending,
                None if settled else pause,
            )
            woken = self._dirty
        return _RETRY_FIRST if woken else min(pause * 1.5, self._most)

    @property
    def _most(self) -> float:
        return _RETRY_MOST if self._live_paths.healthy else _RETRY_ALONE

    def _round(self) -> bool:
        """Bring the paths in line once; return whether nothing is to retry."""
        wanted = self._wanted
        standing, self._standing = self._standing, ()
        self._live_paths.adopt(standing)
        self._live_paths.take_back()
        self._renew(wanted)
        self._live_paths.put_under(wanted, self._live)
        for source in self._to_connect(wanted):
            if self._ending or self._dirty:
                return False
            self._connect(source)
            self._live_paths.put_under(wanted, self._live)
        self._live_paths.put_under(wanted, self._live, tidy=True)
        self._live_paths.drop_unwanted(wanted)
        self._ask_the_failed(wanted)
        return self._settled(wanted)

    def _renew(self, wanted: Collection[Source]) -> None:
        """Log out of sessions that stay down while their portal serves.

        A tgtd that was started again has lost its accounts, and a reader's
        secret may be another one than the session logged in with: iscsid
        (open-iscsi 2.1.8) was seen to try the old one for ever.
        """
        for path in self._live_paths.still_down():
            source = path.source
            if self._ending or self._dirty:
                return
            if source in wanted and self._failures.to_ask(source, self._most):
                serves = self._sessions.serves(source)
                if self._failures.serves_again(source, serves, _RENEW_AFTER):
                    LOG.info(
                        "%s: %s serves again; a new login",
                        self._name, source.portal,
                    )  # fmt: skip
                    self._live_paths.drop(path)

    def _settled(self, wanted: Sequence[Source]) -> bool:
        up = {path.source for path in self._live_paths.healthy}
        behind = self.failed or self._live_paths.behind
        return up.issuperset(wanted[: self._live]) and not behind

    def _to_connect(self, wanted: Sequence[Source]) -> Iterator[Source]:
        """Yield the sources to log in to; the failed ones, slow, are last."""
        for source in sorted(wanted, key=self._failures.__contains__):
            may = self._may_connect(source, wanted)
            if may and self._failures.to_ask(source, _RETRY_MOST):
                yield source

    def _may_connect(self, source: Source, wanted: Sequence[Source]) -> bool:
        if source in self._live_paths:
            return False
        up = {path.source for path in self._live_paths.healthy}
        if len(up.intersection(wanted[: wanted.index(source)])) >= self._live:
            return False
        first = wanted[0]
        first_is_decided = first in up or first in self._failures
        patience_over = time.monotonic() >= self._standby_from
        return source == first or first_is_decided or patience_over

    def _connect(self, source: Source) -> None:
        if self._live_paths.connect(source):
            self._failures.clear(source)
        elif source not in self._pending and self._failures.refused(
            source, self._standby_wait
        ):
            LOG.warning(
                "%s: %s failed: %s",
                self._name, source.portal, self._live_paths.trouble[source],
            )  # fmt: skip
            self._news()

    def _ask_the_failed(self, wanted: Sequence[Source]) -> None:
        """Ask failed portals that volt has replaced whether they are back."""
        for source in self.failed:
            if self._ending or self._dirty or self._poked:
                return
            if (
                source not in wanted
                and source not in self._live_paths
                and self._failures.to_ask(source, _ASK_MOST)
                and self._sessions.serves(source)
            ):
                self._failures.clear(source)
                LOG.info("%s: %s is back", self._name, source.portal)
        self._failures.prune(wanted)

    def _poke(self) -> None:
        """Start a round now; unlike :meth:`_wake`, do not cut one short."""
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def _wake(self) -> None:
        self._dirty = True
        self._changed.notify_all()

    def _why(self, timeout: float) -> str:
        trouble = self._live_paths.trouble
        reasons = "; ".join(
            f"{source.portal}: {trouble.get(source, 'no answer')}"
            for source in self._wanted
        )
        return f"{self._name}: no source answered in {timeout:g} s ({reasons})"
