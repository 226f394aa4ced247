# SPDX-License-Identifier: Apache-2.0
"""Record the SQL of this process, and count the rows that it visits."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from bench.volt import plans

PLANNED = ("SELECT", "UPDATE", "DELETE", "WITH")
"""What finds rows; an INSERT does not."""


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """One statement that was run; its plan has a line for each step."""

    text: str
    plan: plans.Plan
    dialect: str

    @property
    def scans(self) -> list[str]:
        """The steps that read a whole table, or sort what they have read."""
        return plans.scans(self.dialect, self.plan)


@contextlib.contextmanager
def noted() -> Iterator[list[Statement]]:
    """Note every statement of this process, with its plan."""
    statements: list[Statement] = []

    def note(
        connection: sa.Connection,
        cursor: Any,
        text: str,
        parameters: Any,
        context: object,
        many: bool,
    ) -> None:
        dialect = connection.dialect.name
        finds = text.lstrip().startswith(PLANNED)
        plan = plans.ask(dialect, cursor, text, parameters) if finds else []
        statements.append(Statement(text, plan, dialect))

    with _listening(note):
        yield statements


@contextlib.contextmanager
def steps() -> Iterator[list[int]]:
    """Count the steps of SQLite's virtual machine, in the one item.

    They grow with the rows that are read, and do not depend on the clock.
    """
    count = [0]
    watched = set()

    def step() -> None:
        count[0] += 1

    def watch(_: sa.Connection, cursor: Any, *__: object) -> None:
        if cursor.connection not in watched:
            watched.add(cursor.connection)
            cursor.connection.set_progress_handler(step, 1)

    with _listening(watch):
        yield count
    for connection in watched:
        connection.set_progress_handler(None, 1)


@contextlib.contextmanager
def _listening(hear: Callable[..., None]) -> Iterator[None]:
    event = (sa.Engine, "before_cursor_execute", hear)
    sa.event.listen(*event)
    try:
        yield
    finally:
        sa.event.remove(*event)
