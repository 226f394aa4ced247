# SPDX-License-Identifier: Apache-2.0
"""The target of a server store: exported to one initiator, and no other."""

from __future__ import annotations

import logging
from pathlib import Path

from virtman import names
from virtman.drivers import access, accounts, iscsi
from virtman.exception import InUse, NotFound
from virtman.state.intent import StoreIntent

LOG = logging.getLogger(__name__)


class StoreExport:
    """Exports the stores of a host.

    :param closed: whether targets ask for a secret.
    """

    def __init__(self, closed: bool) -> None:
        self._closed = closed

    def serve(self, intent: StoreIntent) -> None:
        """Export a store unless it is; admit its initiator again.

        :raises InUse: another has a session with it.
        """
        target = iscsi.find(intent.iqn)
        if stands(target, intent):
            return
        if target is not None and not _fits(target, intent):
            iscsi.remove(intent.iqn)
            target = None
        if target is None or target.half_made(intent.file):
            if not Path(intent.file).exists():
                raise NotFound(f"{intent.file} is gone; put it back")
            iscsi.create(
                intent.iqn,
                intent.file,
                names.store_serial(intent.name),
                closed=self._closed,
                writer=intent.initiator,
            )
            LOG.info("store %s is exported", intent.name)
        if intent.login is not None:
            with access.of_target(intent.iqn) as now:
                if now is not None and now.target.closed:
                    now.admit(intent.initiator, intent.login)


def stands(target: iscsi.Target | None, intent: StoreIntent) -> bool:
    """Tell whether a store is exported to its initiator as it is wanted."""
    if target is None or intent.leaving or target.half_made(intent.file):
        return False
    login = intent.login
    admitted = login is None or login.user in target.accounts
    return _fits(target, intent) and (admitted or not target.closed)


def _fits(target: iscsi.Target, intent: StoreIntent) -> bool:
    """Tell whether a target admits only the initiator of its store."""
    return set(target.admitted) <= {accounts.NOBODY, intent.initiator}


def require_free(intent: StoreIntent) -> None:
    """Refuse to take a store from another initiator.

    :raises InUse: another initiator has a session with it.
    """
    target = iscsi.find(intent.iqn)
    others = set(target.initiators) - {intent.initiator} if target else set()
    if others:
        raise InUse(
            f"the store {intent.name} is in use by {', '.join(sorted(others))}"
            "; detach the volume there first"
        )
