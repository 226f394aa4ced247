# SPDX-License-Identifier: Apache-2.0
"""The sources of an image that cannot be read from now, and since when.

This is book-keeping only: nothing here asks a portal or the kernel.  A source
that fails again soon after it was taken back has to wait longer each time, so
that one that comes and goes does not stall its readers again and again.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Collection

from virtman.path import Source

# Seconds between two questions to a failed portal, at first; doubled each
# time.
_ASK_FIRST = 1.0
# Seconds.  A source that fails again within _REMEMBER is held back for
# _HOLD_FIRST; each further failure doubles that, up to _HOLD_MOST.
_HOLD_FIRST, _HOLD_MOST, _REMEMBER = 2.0, 60.0, 600.0
# How many failed sources a beat names; older ones are evicted from the tree
# by then, and volt does not name them again.
_REPORTED = 8


@dataclasses.dataclass
class _Case:
    """The state of a source that has failed at some time."""

    since: float
    failed: bool = True
    hold: float = 0.0
    ask_at: float = 0.0
    pause: float = _ASK_FIRST
    served_since: float | None = None


class Failures:
    """The failed sources of one image; any thread may call it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._cases: dict[Source, _Case] = {}
        self._refused: dict[Source, float] = {}

    def __contains__(self, source: Source) -> bool:
        """Tell whether a source cannot be read from now."""
        case = self._cases.get(source)
        return case is not None and case.failed

    @property
    def sources(self) -> tuple[Source, ...]:
        """The failed sources, the last to fail first."""
        with self._guard:
            cases = [(c.since, s) for s, c in self._cases.items() if c.failed]
        cases.sort(key=lambda pair: pair[0], reverse=True)
        return tuple(source for _, source in cases[:_REPORTED])

    def add(self, source: Source) -> bool:
        """Note that a source has failed; return whether that is new."""
        now = time.monotonic()
        with self._guard:
            before = self._cases.get(source)
            if before is not None and before.failed:
                return False
            hold = 0.0
            if before is not None and now - before.since < _REMEMBER:
                hold = min(max(2 * before.hold, _HOLD_FIRST), _HOLD_MOST)
            self._cases[source] = _Case(now, hold=hold, ask_at=now)
            return True

    def refused(self, source: Source, timeout: float) -> bool:
        """Note that a portal did not serve; return whether it failed now.

        It fails when it has not served for ``timeout`` seconds.
        """
        now = time.monotonic()
        with self._guard:
            first = self._refused.setdefault(source, now)
        return now - first >= timeout and self.add(source)

    def clear(self, source: Source) -> bool:
        """Note that a source can be read from; return whether it failed."""
        with self._guard:
            self._refused.pop(source, None)
            case = self._cases.get(source)
            if case is None or not case.failed:
                return False
            case.failed = False
            return True

    def ripe(self, source: Source) -> bool:
        """Tell whether a source that is back may be used again already."""
        case = self._cases.get(source)
        if case is None:
            return True
        return time.monotonic() >= case.since + case.hold

    def to_ask(self, source: Source, most: float) -> bool:
        """Tell whether a portal is to be asked now, and note that it is.

        :param most: seconds between two questions to one that has failed.
        """
        now = time.monotonic()
        with self._guard:
            case = self._cases.get(source)
            if case is None or not case.failed:
                return True
            if now < max(case.ask_at, case.since + case.hold):
                return False
            case.ask_at = now + min(case.pause, most)
            case.pause = min(2 * case.pause, most)
            return True

    def serves_again(
        self, source: Source, serves: bool, timeout: float
    ) -> bool:
        """Note whether a failed portal serves the target again.

        :returns: whether it has done so for ``timeout`` seconds.
        """
        now = time.monotonic()
        with self._guard:
            case = self._cases.get(source)
            if case is None or not serves:
                if case is not None:
                    case.served_since = None
                return False
            if case.served_since is None:
                case.served_since = now
            return now - case.served_since >= timeout

    def prune(self, wanted: Collection[Source]) -> None:
        """Forget the old failures of sources that are not wanted.

        If volt names such a source once more, it is found failed again.
        """
        old = time.monotonic() - _REMEMBER
        with self._guard:
            for source in [s for s in self._refused if s not in wanted]:
                del self._refused[source]
            for source, case in list(self._cases.items()):
                if case.since < old and source not in wanted:
                    del self._cases[source]
