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


class Trouble(enum.Enum):
    """The kinds of trouble, each with its text for the caller."""

    RACE = "too many requests change it at the same time"
    GONE = "it does not answer"
    BUSY = "another process keeps it locked"
    FULL = "its disk is full"
    READ_ONLY = "it takes no changes"
    BROKEN = "its file, or the file's folder, cannot be read or written"
    LOST = "it has no tables; `volt-manage db upgrade` makes them"

    def stops(self, mode: Mode) -> list[Mode]:
        """Return the modes that fail at once for a moment after a trouble.

        Only after troubles that make a request wait: others fail fast anyway.
        """
        if self is Trouble.GONE:
            return list(Mode)
        return [mode] if self is Trouble.BUSY else []


_SQLITE = {
    "SQLITE_BUSY": Trouble.BUSY,
    "SQLITE_LOCKED": Trouble.BUSY,
    "SQLITE_READONLY": Trouble.READ_ONLY,
    "SQLITE_IOERR": Trouble.BROKEN,
    "SQLITE_CANTOPEN": Trouble.BROKEN,
    "SQLITE_CORRUPT": Trouble.BROKEN,
    "SQLITE_NOTADB": Trouble.BROKEN,
    "SQLITE_FULL": Trouble.FULL,
    "SQLITE_CONSTRAINT_UNIQUE": Trouble.RACE,
    "SQLITE_CONSTRAINT_PRIMARYKEY": Trouble.RACE,
}
# A SQLSTATE, or the class that it begins with.
_POSTGRESQL = {
    "40": Trouble.RACE,
    "23505": Trouble.RACE,
    "55P03": Trouble.BUSY,
    "57014": Trouble.BUSY,
    "53100": Trouble.FULL,
    "25006": Trouble.READ_ONLY,
    "42P01": Trouble.LOST,
    "58": Trouble.BROKEN,
    "XX": Trouble.BROKEN,
}
_MARIADB = {
    1020: Trouble.RACE,
    1062: Trouble.RACE,
    1213: Trouble.RACE,
    1205: Trouble.BUSY,
    1969: Trouble.BUSY,
    1021: Trouble.FULL,
    1114: Trouble.FULL,
    1036: Trouble.READ_ONLY,
    1290: Trouble.READ_ONLY,
    1792: Trouble.READ_ONLY,
    1836: Trouble.READ_ONLY,
    1146: Trouble.LOST,
}


def diagnose(error: BaseException) -> Trouble | None:
    """Return the trouble of the database; None for a fault of volt."""
    if isinstance(error, sa.exc.TimeoutError):
        return Trouble.BUSY  # all connections of the pool are in use
    cause = cause_of(error)
    trouble = _by_code(cause)
    if trouble is None and isinstance(error, _RACES):
        return Trouble.RACE
    if trouble is None and _is_about_reaching(error, cause):
        return Trouble.GONE
    return trouble


def cause_of(error: BaseException) -> Any:
    """Return the driver's exception behind an error."""
    while isinstance(error, db.DBError) and error.inner_exception:
        error = error.inner_exception
    return getattr(error, "orig", None) or error


def _by_code(cause: Any) -> Trouble | None:
    if hasattr(cause, "sqlite_errorname"):
        return _sqlite(cause)
    code: Any = cause.args[0] if cause.args else None
    if isinstance(code, int):  # PyMySQL, which may give a state as well
        return _mariadb(code, cause)
    state: str = getattr(cause, "sqlstate", None) or ""
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])


def _mariadb(code: int, cause: Any) -> Trouble | None:
    if code == 1030:  # of the storage engine; the text has the errno
        full = f"error {errno.ENOSPC} " in str(cause)
        return Trouble.FULL if full else Trouble.BROKEN
    return _MARIADB.get(code)


def _sqlite(cause: Any) -> Trouble | None:
    name: str = cause.sqlite_errorname
    if name == "SQLITE_ERROR" and "no such table" in str(cause):
        return Trouble.LOST
    short = "_".join(name.split("_")[:2])
    return _SQLITE.get(name) or _SQLITE.get(short)


def _is_about_reaching(error: BaseException, cause: Any) -> bool:
    """Return whether an error without a known code is one of connecting."""
    if isinstance(error, db.DBConnectionError):
        return True
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    return not kinds.isdisjoint(("OperationalError", "InterfaceError"))
