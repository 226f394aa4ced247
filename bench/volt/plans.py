# SPDX-License-Identifier: Apache-2.0
"""How a database finds the rows of a statement: by an index, or by a scan.

PostgreSQL and MariaDB scan small tables even though there is an index, since
that is quicker.  PostgreSQL is asked for the plan it would make if it could
not; MariaDB has to be asked about tables that are not small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Plan = list[str]
"""A line for each step."""


def ask(dialect: str, cursor: Any, text: str, parameters: Any) -> Plan:
    """Return the plan of a statement that is about to be run."""
    return _PLANS[dialect](cursor, text, parameters)


def scans(dialect: str, plan: Plan) -> list[str]:
    """Return the steps that read a whole table, or sort what they read."""
    return list(filter(_SCANS[dialect], plan))


def _sqlite(cursor: Any, text: str, parameters: Any) -> Plan:
    cursor.execute(f"EXPLAIN QUERY PLAN {text}", parameters)
    return [row[3] for row in cursor.fetchall()]


def _postgresql(cursor: Any, text: str, parameters: Any) -> Plan:
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute(f"EXPLAIN {text}", parameters)
    plan = [row[0].strip() for row in cursor.fetchall()]
    cursor.execute("SET LOCAL enable_seqscan = on")
    return plan


def _mariadb(cursor: Any, text: str, parameters: Any) -> Plan:
    cursor.execute(f"EXPLAIN {text}", parameters)
    return [" ".join(map(str, row)) for row in cursor.fetchall()]


_PLANS: dict[str, Callable[[Any, str, Any], Plan]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
    "mariadb": _mariadb,
}


def _sqlite_scan(step: str) -> bool:
    if step == "SCAN CONSTANT ROW":
        return False
    return step.startswith("SCAN") or "TEMP B-TREE" in step


def _postgresql_scan(step: str) -> bool:
    return "Seq Scan" in step


def _mariadb_scan(step: str) -> bool:
    """Tell it by the column "type", the fourth."""
    return step.split(" ")[3] in ("ALL", "index")


_SCANS: dict[str, Callable[[str], bool]] = {
    "sqlite": _sqlite_scan,
    "postgresql": _postgresql_scan,
    "mysql": _mariadb_scan,
    "mariadb": _mariadb_scan,
}
