# SPDX-License-Identifier: Apache-2.0
"""Admits readers to this node's targets, and forgets them when they are gone.

A reader shows the ticket that volt has given it; then its initiator may log
in with the secret that belongs to the ticket.  Nobody has to have told this
node of it before.  What tgtd knows of its readers stays as long as they have
a session, so that one that was cut is made again without any agent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from virtman import names
from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.admission.tickets import NoTicket, TicketClaims
from virtman.drivers import accounts, iscsi
from virtman.model import Verdict
from virtman.names import initiator_of
from virtman.path import Login

LOG = logging.getLogger(__name__)


class Writers(Protocol):
    """Who may write on this node's stores."""

    def may_write(self, iqn: str, initiator: str) -> bool:
        """Tell whether a store is open to an initiator."""

    def keep_login(self, iqn: str, initiator: str, login: Login) -> None:
        """Note with what it is admitted."""

    def holds(self, iqn: str, user: str) -> bool:
        """Tell whether that is what it was admitted with last."""


class Admission:
    """The readers of this node's targets, and who writes on its stores.

    :param closed: targets of ours that let everybody in are closed.
    """

    def __init__(
        self,
        credentials: Credentials,
        closed: bool,
        writers: Writers | None = None,
    ) -> None:
        self._credentials = credentials
        self._closed = closed
        self._writers = writers
        self._until: dict[str, float] = {}
        self._all_known = False

    def admit(self, text: str, iqn: str) -> Verdict:
        """Look at a ticket, and have tgtd let its reader in."""
        try:
            shown = tickets.verify(text, self._credentials.key)
        except NoTicket:
            return Verdict.REFUSED
        if not shown.opens(iqn):
            return Verdict.REFUSED
        with accounts.guard:
            return self._let_in(shown, iqn)

    def tidy(self) -> None:
        """Forget the readers that are gone and whose ticket has run out."""
        with accounts.guard:
            gone = [
                user
                for target in filter(_ours, iscsi.targets())
                for user in self._tidied(target)
            ]
            if gone:
                iscsi.forget(gone)
            if not self._all_known:
                accounts.forget(iscsi.strays())
                self._all_known = True

    def _tidied(self, target: iscsi.Target) -> list[str]:
        """Close a target; unbind who is gone, and return their accounts."""
        if self._closed and not target.closed:
            LOG.info("%s asks its readers who they are", target.iqn)
            accounts.close(target.tid, target.accounts, target.admitted)
        gone = list(self._gone(target))
        if gone:
            LOG.info("%s: forgets %s", target.iqn, ", ".join(gone))
            accounts.dismiss(target.tid, target.accounts, gone)
        return gone

    def _let_in(self, shown: TicketClaims, iqn: str) -> Verdict:
        store = names.parse_store_iqn(iqn) is not None
        if store and not self._may_write(shown, iqn):
            return Verdict.REFUSED
        target = iscsi.find(iqn)
        if target is None or not _ours(target):
            return Verdict.ABSENT
        if not target.closed:
            return Verdict.OPEN
        if shown.expires < self._credentials.now():
            return Verdict.LATE
        if store and self._writers is not None:
            self._writers.keep_login(iqn, shown.initiator, shown.login)
        if shown.login.user not in target.accounts:
            accounts.admit(
                target.tid, target.admitted, shown.initiator, shown.login
            )
            LOG.info("%s: %s may log in", iqn, shown.initiator)
        self._until[shown.login.user] = shown.expires
        return Verdict.WELCOME

    def _may_write(self, shown: TicketClaims, iqn: str) -> bool:
        """Tell whether a store is open to whom a ticket is of.

        A ticket of the portal's opens every image, and no store by itself.
        """
        return self._writers is not None and self._writers.may_write(
            iqn, shown.initiator
        )

    def _gone(self, target: iscsi.Target) -> Iterator[str]:
        """Yield the accounts that are of no use any more.

        Of several of one initiator the last one is that of its session.
        """
        latest = {initiator_of(user): user for user in target.accounts}
        now = self._credentials.now()
        for user in target.accounts:
            reader = initiator_of(user)
            if reader in (None, accounts.NOBODY):
                continue
            if self._writers and self._writers.holds(target.iqn, user):
                # Its records have that secret, and I/O waits for its return.
                continue
            here = reader in target.initiators and latest[reader] == user
            if not here and self._until.get(user, 0.0) < now:
                self._until.pop(user, None)
                yield user


def _ours(target: iscsi.Target) -> bool:
    """Tell whether a target is one of this node's, and complete."""
    known = names.parse_iqn(target.iqn) or names.parse_store_iqn(target.iqn)
    return (
        known is not None
        and (target.serial or "").startswith(names.SERIAL_PREFIX)
        and bool(target.admitted)
    )
