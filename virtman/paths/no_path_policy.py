# SPDX-License-Identifier: Apache-2.0
"""The no-path policy: how long reads wait while no source of an image lives.

Without a limit they wait until one is back.  With one the device is told to
fail them when no path has lived for so long, and to let them wait again as
soon as one lives.  Which of the two it does is a property of the live device
(``queue_if_no_path`` in its table), so it outlives the agent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from virtman.path import Source
from virtman.paths.table import Table

LOG = logging.getLogger(__name__)


class NoPathPolicy:
    """Tells one image's device whether reads wait; called at each look.

    :param limit: seconds without a living path; 0 is no limit.
    """

    def __init__(
        self,
        name: str,
        table: Table,
        limit: float,
    ) -> None:
        self._name = name
        self._table = table
        self._limit = limit
        self._lonely_since: float | None = None
        # None: the device does what an earlier agent has told it.
        self._waits: bool | None = None

    def note(
        self, lives: bool, wanted: Sequence[Source], deep: bool = False
    ) -> None:
        """Tell the device now whether reads wait, if that has changed.

        :param lives: whether any path lives.
        :param wanted: the sources, for the message.
        :param deep: tell the device again: another program may have told it
            otherwise.
        :raises VirtmanError: the device was not told; the next look tries.
        """
        if lives or not self._limit:
            self._lonely_since = None
            self._wait()
            return
        if self._lonely_since is None:
            self._lonely_since = time.monotonic()
        if time.monotonic() - self._lonely_since >= self._limit:
            self._fail_reads(wanted, deep)

    def _wait(self) -> None:
        if self._waits or not self._table.stands:
            return
        # With a new table the device waits by itself, so wait() changes
        # nothing then.
        gave_up = self._waits is False
        if self._table.wait() or gave_up:
            LOG.warning(
                "%s: a source lives again; reads wait again when none does",
                self._name,
            )
        self._waits = True

    def _fail_reads(self, wanted: Sequence[Source], deep: bool) -> None:
        if not self._table.stands or (self._waits is False and not deep):
            return
        if self._table.give_up():
            LOG.error(
                "%s: none of its sources (%s) has lived for %g s "
                "(no_source_timeout); what is not cached fails to be read "
                "until one is back: start it, or repair the network to it",
                self._name,
                ", ".join(source.portal for source in wanted) or "none known",
                self._limit,
            )
        self._waits = False
