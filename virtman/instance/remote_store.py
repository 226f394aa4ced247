# SPDX-License-Identifier: Apache-2.0
"""COW stores that are volumes of other hosts, reached by iSCSI.

A Cinder volume, say.  Its data is its owner's and is never removed here.  The
intent says which instance has the session, so a target serves one instance of
a node.
"""

from __future__ import annotations

from collections.abc import Iterable

from virtman.drivers import disk
from virtman.exception import InUse, WrongIdentity
from virtman.path import Path, Source
from virtman.paths.interfaces import Sessions
from virtman.state.intent import InstanceIntent


class RemoteStores:
    """Logs in to the stores that intents name by portal, target and LUN."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def require_free(
        self, remote: Source, intents: Iterable[InstanceIntent]
    ) -> None:
        """Refuse a target that this host is logged in to, or that is a store.

        To log out of it afterwards would take it from its user.

        :raises InUse: an instance or another program uses it.
        """
        for intent in intents:
            if intent.remote is not None and _same(intent.remote, remote):
                raise InUse(
                    f"{remote} is the store of the instance {intent.name}"
                )
        if self._sessions.logged_in(remote):
            raise InUse(
                f"this host is logged in to {remote} already, and not for an "
                "instance; log out of it first"
            )

    def open(self, intent: InstanceIntent, remote: Source) -> str:
        """Log in to an instance's store, or use its session; return the disk.

        :raises NoSource: the login failed.
        :raises WrongIdentity: it is not the disk that was written on.
        """
        device = self._sessions.connect_store(remote).device
        serial = disk.serial(device)
        if intent.serial not in (None, serial):
            raise WrongIdentity(
                f"{remote} has the serial {serial!r}; what {intent.name} has "
                f"written is on a disk with {intent.serial!r}"
            )
        return device

    def close(self, intent: InstanceIntent) -> None:
        """Log out of an instance's store, if there is a session."""
        if self.is_open(intent) and intent.remote is not None:
            self._sessions.disconnect(Path(intent.remote, "", 0))

    def is_open(self, intent: InstanceIntent) -> bool:
        """Tell whether there is a session with an instance's store."""
        remote = intent.remote
        return remote is not None and self._sessions.logged_in(remote)


def _same(store: Source, other: Source) -> bool:
    """Tell whether two stores share one session, whatever their LUNs."""
    return (store.portal, store.iqn) == (other.portal, other.iqn)
