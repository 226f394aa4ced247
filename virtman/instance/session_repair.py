# SPDX-License-Identifier: Apache-2.0
"""Repairs the iSCSI sessions of COW stores.

A VM's writes wait for the session with its store, for as long as it takes.
That session cannot be made anew: a logout would fail the waiting writes, and
dm-snapshot would give the store up.  iscsid brings the session back, unless it
has lost it (:mod:`virtman.privsep.iscsi_netlink`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from virtman import privsep
from virtman.drivers import sessions
from virtman.log_once import LogOnce

LOG = logging.getLogger(__name__)
# Seconds.  iscsid tries again after two, or after twelve where the target
# takes the connection and says nothing.  A stop of the connection does no
# harm to a session that iscsid has not lost.
_PATIENCE = 15.0


class StoreSessions:
    """Releases connections that stay failed; for housekeeping."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: dict[int, float] = {}
        self._logged = LogOnce()

    def turn(self) -> None:
        """Check every session with a store; stop what stays failed.

        :raises LayerError: the kernel refuses to stop a connection.
        """
        now = self._now()
        failed = sessions.failed_stores()
        self._since = {
            session: self._since.get(session, now) for session in failed
        }
        self._logged.retain(failed)
        for session, since in self._since.items():
            if now - since >= _PATIENCE:
                self._since[session] = now
                self._release(session)

    def _release(self, session: int) -> None:
        if self._logged.is_new(session):
            LOG.warning(
                "the iSCSI session %d, with a store, is down; what VMs write "
                "there waits until its target is back", session,
            )  # fmt: skip
        privsep.stop_connection(session)
