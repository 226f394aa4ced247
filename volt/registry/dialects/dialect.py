# SPDX-License-Identifier: Apache-2.0
"""What each kind of database is asked to do in its own way."""

import abc
import contextlib
import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import sqlalchemy as sa


class Mode(enum.Enum):
    """What a transaction is going to do; see volt/registry/session.py."""

    READ = "read"
    """See one consistent picture."""
    NOTE = "note"
    """See one consistent picture, and write rows nobody else writes."""
    WRITE = "write"
    """Lock a row, then see what is the latest and change it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Seconds after which something is given up; 0 is never."""

    connect: int = 3
    lock: int = 5
    """Waiting for a row that another transaction has locked."""
    answer: int = 10
    """One statement; and the time for which a transaction may be idle."""

    @property
    def patience(self) -> int:
        """Waiting for a server that has not even said that it gave up."""
        return self.answer and self.answer + 2


UNHURRIED = Limits(connect=10, lock=30, answer=0)
"""For volt-manage: changing large tables takes its time."""


class Dialect(abc.ABC):
    """One kind of database."""

    driver: ClassVar[str]
    """The name that SQLAlchemy knows, with the Python driver we test."""
    extra: ClassVar[str] = ""
    """What pip calls the driver: vmthunder[extra]."""
    clock: ClassVar[str | None] = None
    """Statement that tells the seconds since the epoch."""
    upgrades_itself: ClassVar[bool] = False
    """Whether a program may change old tables when it starts: nobody else
    can be using them."""

    @abc.abstractmethod
    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return what ``sqlalchemy.create_engine`` is to be given."""

    @abc.abstractmethod
    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Set up each connection of this engine."""

    @abc.abstractmethod
    def begin(self, connection: sa.Connection, mode: Mode) -> None:
        """Prepare a transaction that begins."""

    @contextlib.contextmanager
    def alone(self, connection: sa.Connection) -> Iterator[None]:
        """Keep others from creating or changing tables meanwhile."""
        yield
