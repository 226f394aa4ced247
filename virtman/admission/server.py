# SPDX-License-Identifier: Apache-2.0
"""Admits readers to this node's targets, and forgets them when they are gone.

A reader shows the ticket that volt has given it; then its initiator may log
in with the secret that belongs to the ticket.  This node needs no word of the
reader before that.  The reader's account in tgtd stays as long as the reader
has a session, so that a session that was cut is made again without an agent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from virtman import names
from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.admission.tickets import NoTicket, TicketClaims
from virtman.drivers import access, accounts, iscsi
from virtman.drivers.access import Access
from virtman.model import Verdict
from virtman.names import initiator_of
from virtman.path import Login

LOG = logging.getLogger(__name__)


class Writers(Protocol):
    """The initiators that may write on this node's COW stores."""

    def may_write(self, iqn: str, initiator: str) -> bool:
        """Tell whether a COW store is open to an initiator."""

    def keep_login(self, iqn: str, initiator: str, login: Login) -> None:
        """Note the login with which a store's initiator is admitted."""

    def holds(self, iqn: str, user: str) -> bool:
        """Tell whether a store's initiator was last admitted as this user."""


class Admission:
    """Admits readers to this node's targets, and writers to its COW stores.

    :param closed: whether the agent's targets that are open to every
        initiator are closed.
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
        """Verify a ticket, and have tgtd admit its reader to a target."""
        try:
            claims = tickets.verify(text, self._credentials.key)
        except NoTicket:
            return Verdict.REFUSED
        if not claims.opens(iqn):
            return Verdict.REFUSED
        with access.of_target(iqn) as target_access:
            return self._let_in(claims, iqn, target_access)

    def tidy(self) -> None:
        """Forget the readers that have no session and no valid ticket."""
        with access.of_targets() as accesses:
            users = [
                user
                for target_access in accesses
                if _ours(target_access.target)
                for user in self._tidied(target_access)
            ]
            if users:
                access.forget(users)
            if not self._all_known:
                access.forget(access.strays())
                self._all_known = True

    def _tidied(self, target_access: Access) -> list[str]:
        """Close a target; unbind and return the accounts that are unused.

        A target is closed only where :class:`Admission` was told to.
        """
        target = target_access.target
        if self._closed and not target.closed:
            LOG.info("%s is closed to readers without a ticket", target.iqn)
            target_access.close()
        users = list(self._unused(target))
        if users:
            LOG.info(
                "%s: removes the accounts of readers without a session: %s",
                target.iqn, ", ".join(users),
            )  # fmt: skip
            target_access.dismiss(users)
        return users

    def _let_in(
        self, claims: TicketClaims, iqn: str, target_access: Access | None
    ) -> Verdict:
        store = names.parse_store_iqn(iqn) is not None
        if store and not self._may_write(claims, iqn):
            return Verdict.REFUSED
        if target_access is None or not _ours(target_access.target):
            return Verdict.ABSENT
        if not target_access.target.closed:
            return Verdict.OPEN
        if claims.expires < self._credentials.now():
            return Verdict.LATE
        if store and self._writers is not None:
            self._writers.keep_login(iqn, claims.initiator, claims.login)
        if target_access.admit(claims.initiator, claims.login):
            LOG.info("%s: %s may log in", iqn, claims.initiator)
        self._until[claims.login.user] = claims.expires
        return Verdict.WELCOME

    def _may_write(self, claims: TicketClaims, iqn: str) -> bool:
        """Tell whether a COW store is open to the initiator of a ticket.

        A ticket for all targets of a portal opens every image, and no store
        by itself.
        """
        return self._writers is not None and self._writers.may_write(
            iqn, claims.initiator
        )

    def _unused(self, target: iscsi.Target) -> Iterator[str]:
        """Yield the accounts of a target that no session needs any more.

        If an initiator has several accounts, the last belongs to its session.
        """
        latest = {initiator_of(user): user for user in target.accounts}
        now = self._credentials.now()
        for user in target.accounts:
            reader = initiator_of(user)
            if reader in (None, accounts.NOBODY):
                continue
            if self._writers and self._writers.holds(target.iqn, user):
                # The writer's node record has that secret, and its I/O waits
                # until the session is back.
                continue
            here = reader in target.initiators and latest[reader] == user
            if not here and self._until.get(user, 0.0) < now:
                self._until.pop(user, None)
                yield user


def _ours(target: iscsi.Target) -> bool:
    """Tell whether a target was made by the agent and is complete."""
    made_here = target.image is not None or target.store is not None
    return made_here and bool(target.admitted)
