# SPDX-License-Identifier: Apache-2.0
"""Secrets that all workers on a database share."""

import secrets as randomness

import sqlalchemy as sa

from volt.registry.models import secrets

BYTES = 32
_ONE = sa.select(secrets.c.value).where(secrets.c.name == sa.bindparam("what"))


class Secrets:
    """Secrets by name, each made once and never told to anybody."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> bytes | None:
        """Return a secret, None if nobody has made it yet."""
        found = self._connection.execute(_ONE, {"what": name})
        value = found.scalar_one_or_none()
        return None if value is None else bytes.fromhex(value)

    def make(self, name: str) -> bytes:
        """Return a secret; make it if there is none.

        Of two that make it at once one gets a duplicate entry, and its
        transaction is tried again as a whole.
        """
        found = self.get(name)
        if found is None:
            found = randomness.token_bytes(BYTES)
            self._connection.execute(
                secrets.insert(), {"name": name, "value": found.hex()}
            )
        return found
