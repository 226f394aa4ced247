# SPDX-License-Identifier: Apache-2.0
"""The clock of the database: the only one that all workers share."""

import time

import sqlalchemy as sa

_QUESTIONS = {
    'postgresql': 'SELECT extract(epoch FROM clock_timestamp())',
    'mysql': 'SELECT unix_timestamp(now(6))',
    'mariadb': 'SELECT unix_timestamp(now(6))',
}


def now(connection: sa.Connection) -> float:
    """Return seconds since the epoch.

    Workers on one SQLite file share a host, hence its clock.
    """
    question = _QUESTIONS.get(connection.dialect.name)
    if question is None:
        return time.time()
    return float(connection.exec_driver_sql(question).scalar_one())
