# SPDX-License-Identifier: Apache-2.0
"""The interface of a kind of database: what differs between kinds."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import sqlalchemy as sa


class Mode(enum.Enum):
    """The purpose of a transaction; see volt/registry/session.py."""

    READ = "read"
    """See one consistent picture."""
    NOTE = "note"
    """See one consistent picture; write rows that no other one writes."""
    WRITE = "write"
    """Lock a row, then see the latest state and change it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Seconds after which volt gives up on the database; 0 is never."""

    connect: int = 3
    lock: int = 5
    """The wait for a row that another transaction has locked."""
    answer: int = 10
    """One statement, and the longest idle time within a transaction."""

    @property
    def answer_timeout(self) -> int:
        """The wait for a server that does not report its own time limit."""
        return self.answer and self.answer + 2


UNHURRIED = Limits(connect=10, lock=30, answer=0)
"""For volt-manage: changing large tables takes long."""


class Dialect(abc.ABC):
    """One kind of database."""

    driver: ClassVar[str]
    """SQLAlchemy's name of the kind, with the Python driver that is tested."""
    extra: ClassVar[str] = ""
    """The name of pip's extra for the driver: vmthunder[extra]."""
    clock: ClassVar[str | None] = None
    """The statement that returns the seconds since the epoch."""
    upgrades_itself: ClassVar[bool] = False
    """Whether a program may change old tables when it starts, because no other
    host can be using them."""

    @abc.abstractmethod
    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return the arguments of ``sqlalchemy.create_engine``."""

    @abc.abstractmethod
    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Have each new connection of an engine set up."""

    @abc.abstractmethod
    def begin(self, connection: sa.Connection, mode: Mode) -> None:
        """Prepare a transaction that has just begun for its mode."""

    @contextlib.contextmanager
    def alone(self, connection: sa.Connection) -> Iterator[None]:
        """Keep other processes from changing tables in the meantime."""
        yield
