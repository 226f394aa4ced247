# SPDX-License-Identifier: Apache-2.0
"""Classifies errors of the database by its own codes.

Sources: https://sqlite.org/rescode.html,
https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://mariadb.com/kb/en/mariadb-error-code-reference/.
"""

from __future__ import annotations

import enum
import errno
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db

from volt.registry.dialects.dialect import Mode

ERRORS = (db.DBError, sa.exc.DBAPIError, sa.exc.TimeoutError)
"""Errors of a transaction that need not be a fault of volt."""
_RACES = (db.DBDeadlock, db.DBDuplicateEntry)


class ErrorKind(enum.Enum):
    """The kinds of errors of a database, each with its text for the caller."""

    RACE = "too many requests change it at the same time"
    GONE = "it does not answer"
    BUSY = "another process keeps it locked"
    FULL = "its disk is full"
    READ_ONLY = "it takes no changes"
    BROKEN = "its file, or the file's folder, cannot be read or written"
    LOST = "it has no tables; `volt-manage db upgrade` makes them"

    def stops(self, mode: Mode) -> list[Mode]:
        """Return the modes that fail at once for a moment after such an error.

        Only after errors that make a request wait: others fail fast anyway.
        """
        if self is ErrorKind.GONE:
            return list(Mode)
        return [mode] if self is ErrorKind.BUSY else []


_SQLITE = {
    "SQLITE_BUSY": ErrorKind.BUSY,
    "SQLITE_LOCKED": ErrorKind.BUSY,
    "SQLITE_READONLY": ErrorKind.READ_ONLY,
    "SQLITE_IOERR": ErrorKind.BROKEN,
    "SQLITE_CANTOPEN": ErrorKind.BROKEN,
    "SQLITE_CORRUPT": ErrorKind.BROKEN,
    "SQLITE_NOTADB": ErrorKind.BROKEN,
    "SQLITE_FULL": ErrorKind.FULL,
    "SQLITE_CONSTRAINT_UNIQUE": ErrorKind.RACE,
    "SQLITE_CONSTRAINT_PRIMARYKEY": ErrorKind.RACE,
}
# A SQLSTATE, or the class that it begins with.
_POSTGRESQL = {
    "40": ErrorKind.RACE,
    "23505": ErrorKind.RACE,
    "55P03": ErrorKind.BUSY,
    "57014": ErrorKind.BUSY,
    "53100": ErrorKind.FULL,
    "25006": ErrorKind.READ_ONLY,
    "42P01": ErrorKind.LOST,
    "58": ErrorKind.BROKEN,
    "XX": ErrorKind.BROKEN,
}
_MARIADB = {
    1020: ErrorKind.RACE,
    1062: ErrorKind.RACE,
    1213: ErrorKind.RACE,
    1205: ErrorKind.BUSY,
    1969: ErrorKind.BUSY,
    1021: ErrorKind.FULL,
    1114: ErrorKind.FULL,
    1036: ErrorKind.READ_ONLY,
    1290: ErrorKind.READ_ONLY,
    1792: ErrorKind.READ_ONLY,
    1836: ErrorKind.READ_ONLY,
    1146: ErrorKind.LOST,
}


def diagnose(error: BaseException) -> ErrorKind | None:
    """Return the kind of the database's error; None for a fault of volt."""
    if isinstance(error, sa.exc.TimeoutError):
        return ErrorKind.BUSY  # all connections of the pool are in use
    cause = cause_of(error)
    kind = _by_code(cause)
    if kind is None and isinstance(error, _RACES):
        return ErrorKind.RACE
    if kind is None and _is_about_reaching(error, cause):
        return ErrorKind.GONE
    return kind


def cause_of(error: BaseException) -> Any:
    """Return the driver's exception behind an error."""
    while isinstance(error, db.DBError) and error.inner_exception:
        error = error.inner_exception
    return getattr(error, "orig", None) or error


def _by_code(cause: Any) -> ErrorKind | None:
    if hasattr(cause, "sqlite_errorname"):
        return _sqlite(cause)
    code: Any = cause.args[0] if cause.args else None
    if isinstance(code, int):  # PyMySQL, which may give a state as well
        return _mariadb(code, cause)
    state: str = getattr(cause, "sqlstate", None) or ""
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])


def _mariadb(code: int, cause: Any) -> ErrorKind | None:
    if code == 1030:  # of the storage engine; the text has the errno
        full = f"error {errno.ENOSPC} " in str(cause)
        return ErrorKind.FULL if full else ErrorKind.BROKEN
    return _MARIADB.get(code)


def _sqlite(cause: Any) -> ErrorKind | None:
    name: str = cause.sqlite_errorname
    if name == "SQLITE_ERROR" and "no such table" in str(cause):
        return ErrorKind.LOST
    short = "_".join(name.split("_")[:2])
    return _SQLITE.get(name) or _SQLITE.get(short)


def _is_about_reaching(error: BaseException, cause: Any) -> bool:
    """Return whether an error without a known code is one of connecting."""
    if isinstance(error, db.DBConnectionError):
        return True
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    return not kinds.isdisjoint(("OperationalError", "InterfaceError"))
