# SPDX-License-Identifier: Apache-2.0
"""The secrets that all workers on a database share."""

from __future__ import annotations

import secrets as randomness

import sqlalchemy as sa

from volt.registry.models import secrets

BYTES = 32
_ONE = sa.select(secrets.c.value).where(secrets.c.name == sa.bindparam("what"))


class Secrets:
    """The secrets by name, each made once and never sent out."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> bytes | None:
        """Return a secret, None if it is not made yet."""
        row = self._connection.execute(_ONE, {"what": name})
        value = row.scalar_one_or_none()
        return None if value is None else bytes.fromhex(value)

    def make(self, name: str) -> bytes:
        """Return a secret; make it if it does not exist.

        When two processes make it at once, one of them gets a duplicate entry,
        and its whole transaction is tried again.
        """
        secret = self.get(name)
        if secret is None:
            secret = randomness.token_bytes(BYTES)
            self._connection.execute(
                secrets.insert(), {"name": name, "value": secret.hex()}
            )
        return secret
