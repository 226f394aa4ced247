# SPDX-License-Identifier: Apache-2.0
"""Creates or upgrades the tables of a database.

A new database gets the present tables, without the steps of history (and
without the time it takes to import Alembic); an old one is upgraded step by
step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
from collections.abc import Iterator

import sqlalchemy as sa

from volt.exception import ConfigError
from volt.registry import migrations, models
from volt.registry.dialects.dialect import Mode
from volt.registry.engine import kind_of, transaction

HEAD = "0002"
"""The newest revision in migrations/versions."""

_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), primary_key=True),
)


class State(enum.Enum):
    """The state of a database's tables for this version of volt."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """The revision of a database, or None, and its state."""

    state: State
    revision: str | None = None
    strangers: str = ""
    """Tables that have names of volt's tables but another maker."""

    @property
    def advice(self) -> str:
        """The state in words, and the remedy."""
        return _ADVICE[self.state].format(self, head=HEAD)


_ADVICE = {
    State.EMPTY: "the database is empty; volt-api makes its tables when it "
    "starts, and so does `volt-manage db upgrade`",
    State.CURRENT: "the database is at revision {0.revision}, as it has to be",
    State.BEHIND: "the database is at revision {0.revision}, this volt needs "
    "{head}: stop every volt-api that uses it, make a copy of it, and run "
    "`volt-manage db upgrade`",
    State.UNKNOWN: "the database is at revision {0.revision}, which this "
    "volt does not know (it knows up to {head}): run the newer volt, or give "
    "this one a database of its own",
    State.FOREIGN: "the database has tables {0.strangers} that volt did not "
    "make; give it a database of its own",
}


def prepare(engine: sa.Engine) -> None:
    """Create missing tables; upgrade old ones of a kind that allows it.

    Raises ``ConfigError`` for a database that needs an operator.
    """
    with _alone(engine) as connection:
        _bring_up(connection, kind_of(connection).upgrades_itself)


def upgrade(engine: sa.Engine) -> tuple[Version, Version]:
    """Upgrade a database to ``HEAD``; return the versions before and after.

    Raises ``ConfigError`` if its tables are foreign or newer.
    """
    with _alone(engine) as connection:
        return _bring_up(connection, True), version(connection)


@contextlib.contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    with (
        transaction(engine, Mode.WRITE) as connection,
        kind_of(connection).alone(connection),
    ):
        yield connection


def _bring_up(connection: sa.Connection, upgrade: bool) -> Version:
    before = version(connection)
    if before.state is State.EMPTY:
        _create(connection)
    elif before.state is State.BEHIND and upgrade:
        migrations.upgrade(connection)
    elif before.state is not State.CURRENT:
        raise ConfigError(before.advice)
    return before


def version(connection: sa.Connection) -> Version:
    """Return the revision and the state of a database."""
    tables = set(sa.inspect(connection).get_table_names())
    ours = tables & models.metadata.tables.keys()
    if _version.name not in tables:
        if ours:
            return Version(State.FOREIGN, strangers=", ".join(sorted(ours)))
        return Version(State.EMPTY)
    revision = connection.execute(sa.select(_version)).scalar_one_or_none()
    if revision is None:
        # _create was cut short: MariaDB does not roll back CREATE TABLE.
        return Version(State.EMPTY)
    if revision == HEAD:
        return Version(State.CURRENT, revision)
    is_old = revision in migrations.revisions()
    return Version(State.BEHIND if is_old else State.UNKNOWN, revision)


def touch(connection: sa.Connection) -> None:
    """Write the database's own revision, to try whether it takes changes."""
    connection.execute(_version.update().values(version_num=HEAD))


def _create(connection: sa.Connection) -> None:
    # First of all tables, so that a killed creation is recognised and ends
    # well at the next attempt.
    _version.create(connection, checkfirst=True)
    models.metadata.create_all(connection)
    connection.execute(_version.insert(), {"version_num": HEAD})
