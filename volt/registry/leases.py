# SPDX-License-Identifier: Apache-2.0
"""Leases: each gives one process of the cluster a task for some time.

The column ``duty`` is the name of the lease.
"""

from __future__ import annotations

import sqlalchemy as sa

from volt.registry.models import leases

_RENEW = (
    leases.update()
    .where(
        leases.c.duty == sa.bindparam("lease"),
        sa.or_(
            leases.c.holder == sa.bindparam("me"),
            leases.c.until < sa.bindparam("now"),
        ),
    )
    .values(holder=sa.bindparam("me"), until=sa.bindparam("end"))
)
_KNOWN = sa.select(leases.c.duty).where(leases.c.duty == sa.bindparam("lease"))
_HELD = _KNOWN.where(leases.c.until >= sa.bindparam("now"))


class Leases:
    """The leases in the registry, by name."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def take(self, lease: str, holder: str, now: float, term: float) -> bool:
        """Take or renew a lease for ``term`` seconds; return the success.

        When two processes insert the very first row, one of them gets a
        duplicate entry, and its whole transaction is tried again.
        """
        values = {"lease": lease, "me": holder, "now": now, "end": now + term}
        if self._connection.execute(_RENEW, values).rowcount:
            return True
        if self._connection.execute(_KNOWN, {"lease": lease}).first():
            return False
        self._connection.execute(
            leases.insert(),
            {"duty": lease, "holder": holder, "until": now + term},
        )
        return True

    def is_held(self, lease: str, now: float) -> bool:
        """Return whether some process holds a lease now."""
        values = {"lease": lease, "now": now}
        return self._connection.execute(_HELD, values).first() is not None

    def drop(self, lease: str, holder: str) -> None:
        """Drop a lease, so that no process has to wait for its end."""
        self._connection.execute(
            leases.delete().where(
                leases.c.duty == lease, leases.c.holder == holder
            )
        )
