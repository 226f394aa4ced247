# SPDX-License-Identifier: Apache-2.0
"""Insert a row, or change the one that is there, in one statement.

Each database has words of its own for it.  Besides a round trip this saves
the race of two that both find nothing and insert.
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


def by_dialect(table: sa.Table, change: Change) -> dict[str, Any]:
    """Return the statement by the name of SQLAlchemy's dialect."""
    same = _mysql(table, change)
    return {
        'sqlite': _standard(sqlite.insert(table), table, change),
        'postgresql': _standard(postgresql.insert(table), table, change),
        'mysql': same,
        'mariadb': same,
    }


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
