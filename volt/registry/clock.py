# SPDX-License-Identifier: Apache-2.0
"""Reads the database's clock, the only one that all workers share."""

from __future__ import annotations

import time

import sqlalchemy as sa

from volt.registry.engine import kind_of


def now(connection: sa.Connection) -> float:
    """Return the time of the database, in seconds since the epoch.

    Workers on one SQLite file share a host, hence its clock.
    """
    question = kind_of(connection).clock
    if question is None:
        return time.time()
    return float(connection.exec_driver_sql(question).scalar_one())
