# SPDX-License-Identifier: Apache-2.0
"""What went wrong in the database, by its own codes.

Sources: https://sqlite.org/rescode.html,
https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://mariadb.com/kb/en/mariadb-error-code-reference/.
"""

import enum
import errno
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db

from volt.registry.dialects.dialect import Mode

ERRORS = (db.DBError, sa.exc.DBAPIError, sa.exc.TimeoutError)
"""What a transaction may end with when it is not a fault of ours."""
_RACES = (db.DBDeadlock, db.DBDuplicateEntry)


class Trouble(enum.Enum):
    """Kinds, and how each is told to who waits for an answer."""

    RACE = "too many change it at the same time"
    GONE = "it does not answer"
    BUSY = "somebody else keeps it locked"
    FULL = "its disk is full"
    READ_ONLY = "it takes no changes"
    BROKEN = "its file, or the folder of it, cannot be read or written"
    LOST = "it has no tables; `volt-manage db upgrade` makes them"

    def stops(self, mode: Mode) -> list[Mode]:
        """Return what need not even be tried after ``mode`` has met it.

        Only what makes a request wait: the others are told quickly anyway.
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
    """Return what is wrong with the database; None for a fault of ours."""
    if isinstance(error, sa.exc.TimeoutError):
        return Trouble.BUSY  # all connections of the pool are in use
    cause = cause_of(error)
    found = _by_code(cause)
    if found is None and isinstance(error, _RACES):
        return Trouble.RACE
    if found is None and _is_about_reaching(error, cause):
        return Trouble.GONE
    return found


def cause_of(error: BaseException) -> Any:
    """Return the driver's own exception."""
    while isinstance(error, db.DBError) and error.inner_exception:
        error = error.inner_exception
    return getattr(error, "orig", None) or error


def _by_code(cause: Any) -> Trouble | None:
    if hasattr(cause, "sqlite_errorname"):
        return _sqlite(cause)
    code: Any = cause.args[0] if cause.args else None
    if isinstance(code, int):  # PyMySQL, which may tell a state besides
        return _mariadb(code, cause)
    state: str = getattr(cause, "sqlstate", None) or ""
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])


def _mariadb(code: int, cause: Any) -> Trouble | None:
    if code == 1030:  # the storage engine's; the system's number is in it
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
    """Tell what is left of a family of errors once the codes are known."""
    if isinstance(error, db.DBConnectionError):
        return True
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    return not kinds.isdisjoint(("OperationalError", "InterfaceError"))
