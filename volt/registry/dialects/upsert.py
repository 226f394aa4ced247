# SPDX-License-Identifier: Apache-2.0
"""Makes statements that insert a row, or change the existing one.

Each database has its own SQL for it.  One statement saves a round trip, and
the race of two transactions that both find no row and insert one.

SQLAlchemy does not cache these statements compiled, and compiling takes six
times as long as running; so they are compiled here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

Merge = Callable[[Any, Any], Any]
"""Makes a column's value of its old and its new value."""
Change = Mapping[str, Merge]


def greater(old: Any, new: Any) -> Any:
    """Keep the greater one of the old and the new value."""
    return sa.case((old > new, old), else_=new)


def newer(old: Any, new: Any) -> Any:
    """Take the new value."""
    return new


def by_dialect(table: sa.Table, change: Change) -> dict[str, sa.TextClause]:
    """Return the statement for each of SQLAlchemy's dialects, by name.

    Its parameters have the names of the columns.
    """
    same = _compiled(_mysql(table, change), mysql)
    return {
        "mysql": same,
        "mariadb": same,
    } | {
        kind.__name__.rpartition(".")[2]: _compiled(
            _standard(kind.insert(table), table, change), kind
        )
        for kind in (sqlite, postgresql)
    }


def _compiled(statement: Any, kind: Any) -> sa.TextClause:
    dialect = kind.dialect(paramstyle="named")
    return sa.text(str(statement.compile(dialect=dialect)))


def _standard(insert: Any, table: sa.Table, change: Change) -> Any:
    """Return an insert with ON CONFLICT DO UPDATE."""
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_=_values(table, insert.excluded, change),
    )


def _mysql(table: sa.Table, change: Change) -> Any:
    """Return an insert with ON DUPLICATE KEY UPDATE."""
    insert = mysql.insert(table)
    return insert.on_duplicate_key_update(
        **_values(table, insert.inserted, change)
    )


def _values(table: sa.Table, new: Any, change: Change) -> dict[str, Any]:
    return {
        name: merge(table.c[name], new[name]) for name, merge in change.items()
    }
