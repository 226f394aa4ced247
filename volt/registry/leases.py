# SPDX-License-Identifier: Apache-2.0
"""Leases: each gives one process of the cluster a duty for some time."""

from __future__ import annotations

import sqlalchemy as sa

from volt.registry.models import leases

_RENEW = (
    leases.update()
    .where(
        leases.c.duty == sa.bindparam("what"),
        sa.or_(
            leases.c.holder == sa.bindparam("me"),
            leases.c.until < sa.bindparam("now"),
        ),
    )
    .values(holder=sa.bindparam("me"), until=sa.bindparam("end"))
)
_KNOWN = sa.select(leases.c.duty).where(leases.c.duty == sa.bindparam("what"))
_HELD = _KNOWN.where(leases.c.until >= sa.bindparam("now"))


class Leases:
    """The leases in the registry, by duty."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def take(self, duty: str, holder: str, now: float, term: float) -> bool:
        """Take or renew a lease for ``term`` seconds; return the success.

        When two processes insert the very first row, one of them gets a
        duplicate entry, and its whole transaction is tried again.
        """
        values = {"what": duty, "me": holder, "now": now, "end": now + term}
        if self._connection.execute(_RENEW, values).rowcount:
            return True
        if self._connection.execute(_KNOWN, {"what": duty}).first():
            return False
        self._connection.execute(
            leases.insert(),
            {"duty": duty, "holder": holder, "until": now + term},
        )
        return True

    def is_held(self, duty: str, now: float) -> bool:
        """Return whether some process holds the lease of a duty now."""
        values = {"what": duty, "now": now}
        return self._connection.execute(_HELD, values).first() is not None

    def drop(self, duty: str, holder: str) -> None:
        """Drop a lease, so that no process has to wait for its end."""
        self._connection.execute(
            leases.delete().where(
                leases.c.duty == duty, leases.c.holder == holder
            )
        )
