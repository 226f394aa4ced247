# SPDX-License-Identifier: Apache-2.0
"""The registry in PostgreSQL, by way of psycopg 3.

Connections are not tested before use: a test would be one more round trip to
the server for each request.  The session runs the work again when a
connection was dead.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from volt.registry.dialects.dialect import Dialect, Limits, Mode

LOCK = 7447
"""Number of the advisory lock; it is local to the database."""


class PostgreSQL(Dialect):
    """A server of PostgreSQL, 12 or newer."""

    driver = "postgresql+psycopg"
    extra = "postgresql"
    clock = "SELECT extract(epoch FROM clock_timestamp())"

    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return the arguments of the engine; those in the URL win."""
        network = {
            "connect_timeout": limits.connect,
            "application_name": "volt",
            # Keepalives notice a server whose host is gone without a refusal.
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 1000 * limits.answer_timeout,
        }
        given = url.query.keys()
        return {
            "connect_args": {
                name: network[name] for name in network if name not in given
            }
        }

    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Set time limits for each connection, here and at the server."""
        patient = _patient(limits)

        def connect(
            _dialect: object, _record: object, words: Any, named: Any
        ) -> Any:
            return patient.connect(*words, **named)

        def set_up(connection: Any, _record: object) -> None:
            connection.execute(_SETTINGS.format(limits, 1000))
            connection.commit()

        sa.event.listen(engine, "do_connect", connect)
        sa.event.listen(engine, "connect", set_up)

    def begin(self, connection: sa.Connection, mode: Mode) -> None:
        """Choose the isolation, which psycopg sends with its next BEGIN."""
        from psycopg import IsolationLevel

        # READ COMMITTED: rows read after a lock must be the latest ones.
        connection.connection.dbapi_connection.isolation_level = (  # type: ignore[union-attr]
            IsolationLevel.READ_COMMITTED
            if mode is Mode.WRITE
            else IsolationLevel.REPEATABLE_READ
        )

    @contextlib.contextmanager
    def alone(self, connection: sa.Connection) -> Iterator[None]:
        """Hold an advisory lock until the transaction ends."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        yield


# So that a volt that is cut off keeps no tree locked.
_SETTINGS = (
    "SET lock_timeout = '{0.lock}s'; "
    "SET statement_timeout = '{0.answer}s'; "
    "SET idle_in_transaction_session_timeout = '{0.answer}s'"
)


def _patient(limits: Limits) -> Any:
    """Return a class of connections that wait no longer than ``limits``.

    The server ends statements that take too long.  A hung server does not,
    and libpq would wait for it for ever.
    """
    import psycopg

    class Patient(psycopg.Connection[Any]):
        def wait(self, gen: Any, *more: Any, **named: Any) -> Any:
            try:
                return super().wait(_until(gen, limits), *more, **named)
            except _TooLate as error:
                self.pgconn.finish()
                raise psycopg.OperationalError(
                    f"no answer for {limits.answer_timeout} seconds"
                ) from error

    return Patient


class _TooLate(Exception):
    """The server has not answered for too long."""


def _until(waiting: Any, limits: Limits) -> Any:
    """Run a generator of psycopg until it has waited too long.

    psycopg sends it a 0 each tenth of a second without an event.
    """
    end = time.monotonic() + limits.answer_timeout
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if not ready and limits.answer_timeout and time.monotonic() > end:
                raise _TooLate
            wanted = waiting.send(ready)
    except StopIteration as done:
        return done.value
