# SPDX-License-Identifier: Apache-2.0
"""Transactions: each unit of work happens wholly or not at all."""

import logging
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from oslo_db import exception as db

from volt.exception import Unavailable
from volt.registry.engine import WRITES
from volt.registry.unit import Unit

LOG = logging.getLogger(__name__)
T = TypeVar('T')
Work = Callable[[Unit], T]

ATTEMPTS = 10
"""Deadlocks and lost races are tried again that often, whole."""


class Registry:
    """Runs units of work against one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._reader = engine
        self._writer = engine.execution_options(**{WRITES: True})

    def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent picture; it must not write."""
        return self._attempt(self._reader, work)

    def write(self, work: Work[T]) -> T:
        """Run ``work`` and commit it; it may be run more than once."""
        for attempt in range(1, ATTEMPTS):
            try:
                return self._attempt(self._writer, work)
            except (db.DBDeadlock, db.DBDuplicateEntry) as lost:
                LOG.debug("attempt %d lost a race: %s", attempt, lost)
        return self._attempt(self._writer, work)

    def _attempt(self, engine: sa.Engine, work: Work[T]) -> T:
        try:
            with engine.begin() as connection:
                return work(Unit(connection))
        except db.DBError as error:
            if _is_outage(error):
                LOG.error("the registry does not answer: %s", error)
                raise Unavailable(
                    "the registry does not answer; nothing was changed, "
                    "try again in a moment"
                ) from error
            raise


def _is_outage(error: db.DBError) -> bool:
    """Tell a database that is away, locked or full from a fault of ours."""
    if isinstance(error, db.DBDeadlock | db.DBDuplicateEntry):
        return False
    inner = error.inner_exception
    return isinstance(error, db.DBConnectionError) or isinstance(
        inner, sa.exc.OperationalError
    )
