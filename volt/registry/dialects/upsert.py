# SPDX-License-Identifier: Apache-2.0
"""Insert a row, or change the one that is there, in one statement.

Each database has words of its own for it.  Besides a round trip this saves
the race of two that both find nothing and insert.

SQLAlchemy does not keep these statements in its cache of compiled ones, and
compiling takes six times as long as running; so it is done here, once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

Merge = Callable[[Any, Any], Any]
"""What becomes of a column, from its old and its new value."""
Change = Mapping[str, Merge]


def greater(old: Any, new: Any) -> Any:
    """Keep the greater of both."""
    return sa.case((old > new, old), else_=new)


def newer(old: Any, new: Any) -> Any:
    """Take the new one."""
    return new


def by_dialect(table: sa.Table, change: Change) -> dict[str, sa.TextClause]:
    """Return the statement by the name of SQLAlchemy's dialect.

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
    """Return ON CONFLICT DO UPDATE."""
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_=_values(table, insert.excluded, change),
    )


def _mysql(table: sa.Table, change: Change) -> Any:
    """Return ON DUPLICATE KEY UPDATE."""
    insert = mysql.insert(table)
    return insert.on_duplicate_key_update(
        **_values(table, insert.inserted, change)
    )


def _values(table: sa.Table, new: Any, change: Change) -> dict[str, Any]:
    return {
        name: merge(table.c[name], new[name]) for name, merge in change.items()
    }
