# SPDX-License-Identifier: Apache-2.0
"""Sees to it that the session of a store comes back.

What a VM writes waits for the session with its store, for as long as it takes,
and that session cannot be made anew: to log out of it would fail those writes,
and dm-snapshot would give the store up.  iscsid brings it back, unless it has
lost it (:mod:`virtman.privsep.iscsi_netlink`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from virtman import privsep
from virtman.drivers import sessions

LOG = logging.getLogger(__name__)
# Seconds.  iscsid tries again after two, or after twelve where the target
# takes the connection and says nothing.  A session that it has not lost is
# none the worse.
_PATIENCE = 15.0


class StoreSessions:
    """Releases connections that stay failed; for housekeeping."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: dict[int, float] = {}
        self._said: set[int] = set()

    def turn(self) -> None:
        """Look at every session with a store.

        :raises LayerError: the kernel refuses.
        """
        now = self._now()
        failed = sessions.failed_stores()
        self._since = {one: self._since.get(one, now) for one in failed}
        self._said &= failed
        for session, since in self._since.items():
            if now - since >= _PATIENCE:
                self._since[session] = now
                self._release(session)

    def _release(self, session: int) -> None:
        if session not in self._said:
            self._said.add(session)
            LOG.warning(
                "the iSCSI session %d, with a store, is down; what VMs write "
                "there waits until its target is back", session,
            )  # fmt: skip
        privsep.stop_connection(session)
