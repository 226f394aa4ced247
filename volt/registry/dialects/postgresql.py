# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL, by way of psycopg 3.

Nobody asks a connection whether it still lives before using it: that would
be one more journey to the server for each request.  The session runs work
again that met a dead one.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from volt.registry.dialects.dialect import Dialect, Limits, Mode

LOCK = 7447
"""Number of the advisory lock; of this database alone."""


class PostgreSQL(Dialect):
    """A server, 12 or newer."""

    driver = "postgresql+psycopg"
    extra = "postgresql"
    clock = "SELECT extract(epoch FROM clock_timestamp())"

    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return them; what the URL says about the network counts more."""
        network = {
            "connect_timeout": limits.connect,
            "application_name": "volt",
            # A server whose host is gone does not even refuse.
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 1000 * limits.patience,
        }
        said = url.query.keys()
        return {
            "connect_args": {
                name: network[name] for name in network if name not in said
            }
        }

    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Have connections that lose patience, and a server that does."""
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
        """Choose the isolation; psycopg says it with its next BEGIN."""
        from psycopg import IsolationLevel

        # A lock is of use to us only if what we then see is the latest.
        connection.connection.dbapi_connection.isolation_level = (  # type: ignore[union-attr]
            IsolationLevel.READ_COMMITTED
            if mode is Mode.WRITE
            else IsolationLevel.REPEATABLE_READ
        )

    @contextlib.contextmanager
    def alone(self, connection: sa.Connection) -> Iterator[None]:
        """Hold a lock until the transaction ends, whichever way."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        yield


# A volt that is cut off keeps no tree locked for others.
_SETTINGS = (
    "SET lock_timeout = '{0.lock}s'; "
    "SET statement_timeout = '{0.answer}s'; "
    "SET idle_in_transaction_session_timeout = '{0.answer}s'"
)


def _patient(limits: Limits) -> Any:
    """Return a kind of connection that waits no longer than ``limits``.

    The server ends what takes too long; a server that hangs does not, and
    libpq would wait for it for ever.
    """
    import psycopg

    class Patient(psycopg.Connection[Any]):
        def wait(self, gen: Any, *more: Any, **named: Any) -> Any:
            try:
                return super().wait(_until(gen, limits), *more, **named)
            except _TooLate as error:
                self.pgconn.finish()
                raise psycopg.OperationalError(
                    f"no answer for {limits.patience} seconds"
                ) from error

    return Patient


class _TooLate(Exception):
    """The server has not answered for too long."""


def _until(waiting: Any, limits: Limits) -> Any:
    """Pass on what psycopg waits for, until it has waited too long.

    Its generators are told each tenth of a second (0) that nothing came.
    """
    end = time.monotonic() + limits.patience
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if not ready and limits.patience and time.monotonic() > end:
                raise _TooLate
            wanted = waiting.send(ready)
    except StopIteration as done:
        return done.value
