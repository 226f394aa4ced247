# SPDX-License-Identifier: Apache-2.0
"""The rounds over an image's sources: live paths become the wanted ones.

A new path is put under the multipath device before an unwanted one goes; then
that one is logged out.  A parent that is not there yet is asked again; the
next source stands in for it meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from virtman.path import Path, Source
from virtman.paths.failures import Failures
from virtman.paths.interfaces import Sessions
from virtman.paths.live_paths import LivePaths

LOG = logging.getLogger(__name__)

# Seconds between two questions to a portal that did not answer, at most: as a
# rule, while no path lives and readers wait, and for a portal that failed and
# was replaced by volt.
_RETRY_MOST, _RETRY_ALONE, _ASK_MOST = 5.0, 1.0, 30.0
# Seconds in which a session may come back by itself once its portal serves.
_RENEW_AFTER = 2.0


@dataclass(frozen=True)
class Wanted:
    """The sources that an image is to be read from, best first.

    ``pending`` are those that are still coming up.  From ``standby_from`` on,
    by the monotonic clock, the next source is read in place of a first one
    that does not answer.
    """

    sources: tuple[Source, ...] = ()
    pending: frozenset[Source] = frozenset()
    standby_from: float = 0.0


class Rounds:
    """Brings the live paths of one image in line with the wanted sources.

    :param live: how many paths to keep up.
    :param standby_wait: seconds after which a source that refuses logins
        counts as failed.
    :param interrupted: tells whether a round is to end early: the wanted
        sources have changed, or the image goes.
    :param poked: tells whether the next round is due.
    :param report: is called when a source has failed.
    """

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        failures: Failures,
        live_paths: LivePaths,
        *,
        live: int,
        standby_wait: float,
        interrupted: Callable[[], bool],
        poked: Callable[[], bool],
        report: Callable[[], None],
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._failures = failures
        self._live_paths = live_paths
        self._live = live
        self._standby_wait = standby_wait
        self._interrupted = interrupted
        self._poked = poked
        self._report = report

    @property
    def most(self) -> float:
        """The most seconds between two rounds while one is to be repeated."""
        return _RETRY_MOST if self._live_paths.healthy else _RETRY_ALONE

    def turn(self, wanted: Wanted, standing: Sequence[Path]) -> bool:
        """Bring the paths in line once; return whether nothing is to retry.

        :param standing: sessions that an earlier agent has left.
        """
        sources = wanted.sources
        self._live_paths.adopt(standing)
        self._live_paths.take_back()
        self._renew(sources)
        self._live_paths.put_under(sources, self._live)
        for source in self._to_connect(wanted):
            if self._interrupted():
                return False
            self._connect(source, wanted.pending)
            self._live_paths.put_under(sources, self._live)
        self._live_paths.put_under(sources, self._live, tidy=True)
        self._live_paths.drop_unwanted(sources)
        self._ask_the_failed(sources)
        return self._settled(sources)

    def _renew(self, wanted: Collection[Source]) -> None:
        """Log out of sessions that stay down while their portal serves.

        A tgtd that was started again has lost its accounts, and a reader's
        secret may be another one than the session logged in with: iscsid
        (open-iscsi 2.1.8) was seen to try the old one for ever.
        """
        for path in self._live_paths.still_down():
            source = path.source
            if self._interrupted():
                return
            if source in wanted and self._failures.to_ask(source, self.most):
                serves = self._sessions.serves(source)
                if self._failures.serves_again(source, serves, _RENEW_AFTER):
                    LOG.info(
                        "%s: %s serves again; a new login",
                        self._name, source.portal,
                    )  # fmt: skip
                    self._live_paths.drop(path)

    def _settled(self, wanted: Sequence[Source]) -> bool:
        up = {path.source for path in self._live_paths.healthy}
        behind = self._failures.sources or self._live_paths.behind
        return up.issuperset(wanted[: self._live]) and not behind

    def _to_connect(self, wanted: Wanted) -> Iterator[Source]:
        """Yield the sources to log in to; the failed ones, slow, are last."""
        for source in sorted(wanted.sources, key=self._failures.__contains__):
            may = self._may_connect(source, wanted)
            if may and self._failures.to_ask(source, _RETRY_MOST):
                yield source

    def _may_connect(self, source: Source, wanted: Wanted) -> bool:
        if source in self._live_paths:
            return False
        up = {path.source for path in self._live_paths.healthy}
        better = wanted.sources[: wanted.sources.index(source)]
        if len(up.intersection(better)) >= self._live:
            return False
        first = wanted.sources[0]
        first_is_decided = first in up or first in self._failures
        waited = time.monotonic() >= wanted.standby_from
        return source == first or first_is_decided or waited

    def _connect(self, source: Source, pending: Collection[Source]) -> None:
        if self._live_paths.connect(source):
            self._failures.clear(source)
        elif source not in pending and self._failures.refused(
            source, self._standby_wait
        ):
            LOG.warning(
                "%s: %s failed: %s",
                self._name, source.portal, self._live_paths.errors[source],
            )  # fmt: skip
            self._report()

    def _ask_the_failed(self, wanted: Sequence[Source]) -> None:
        """Ask failed portals that volt has replaced whether they are back."""
        for source in self._failures.sources:
            if self._interrupted() or self._poked():
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
