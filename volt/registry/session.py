# SPDX-License-Identifier: Apache-2.0
"""Runs transactions: each unit of work happens wholly or not at all."""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import sqlalchemy as sa

from volt.event import Event, Observer, unobserved
from volt.exception import Unavailable
from volt.registry.circuit_breaker import CircuitBreaker
from volt.registry.dialects.dialect import Mode
from volt.registry.dialects.error_codes import (
    ERRORS,
    ErrorKind,
    cause_of,
    diagnose,
)
from volt.registry.engine import begin
from volt.registry.unit import Unit

LOG = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[Unit], T]

ATTEMPTS = 10
"""Most attempts at a whole transaction after deadlocks and lost races."""
SLOT = 0.005
"""Seconds; after n lost races a transaction waits for up to 2**n slots."""
SLOTS = 32
"""Most slots that a transaction waits for."""
AT_ONCE = 1.0
"""Seconds within which a dead connection reports its end."""


class Registry:
    """Runs units of work against one database, and reports their events.

    Work that writes to a tree, or to an image, uses ``write`` and locks its
    row first.  A beat reads several trees and locks none of them: it uses
    ``note``.
    """

    def __init__(
        self, engine: sa.Engine, observer: Observer = unobserved
    ) -> None:
        self._observer = observer
        self._engine = engine
        self._breakers = {mode: CircuitBreaker() for mode in Mode}

    def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent picture; it must not write."""
        return self._run(Mode.READ, work)

    def note(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent picture and commit it.

        It may write only rows that no other work writes at the same time.
        """
        return self._run(Mode.NOTE, work)

    def write(self, work: Work[T]) -> T:
        """Run ``work`` and commit it; it may be run more than once."""
        return self._run(Mode.WRITE, work)

    def _run(self, mode: Mode, work: Work[T]) -> T:
        self._breakers[mode].check()
        for lost in itertools.count(1):
            attempt = Attempt(self._engine, mode, work)
            try:
                result = attempt.run()
            except ERRORS as error:
                kind = diagnose(error)
                if kind is None:
                    raise
                uncertain = attempt.committing and mode is not Mode.READ
                if not _again(kind, lost, attempt, uncertain):
                    raise self._refusal(mode, kind, error, uncertain) from None
                LOG.debug("attempt %d ended with %s", lost, kind.name)
            else:
                for event, count in attempt.events:
                    self._observer(event, count)
                return result
            if kind is ErrorKind.RACE:
                _wait(min(2**lost, SLOTS))
        raise AssertionError  # for mypy: counting has no end

    def _refusal(
        self, mode: Mode, kind: ErrorKind, error: Exception, uncertain: bool
    ) -> Unavailable:
        """Return the error for the caller; trip the breakers for it."""
        reason = f"the registry cannot be used: {kind.value}"
        LOG.error("%s (%s)", reason, cause_of(error))
        unchanged = f"{reason}; nothing was changed, try again in a moment"
        for stopped in kind.stops(mode):
            self._breakers[stopped].trip(unchanged)
        if uncertain and kind is ErrorKind.GONE:
            return Unavailable(
                f"{reason}; whether the change was made is not known: "
                "ask again"
            )
        return Unavailable(unchanged)


class Attempt(Generic[T]):
    """One attempt at a transaction, and how far it has come."""

    def __init__(self, engine: sa.Engine, mode: Mode, work: Work[T]) -> None:
        self._engine = engine
        self._mode = mode
        self._work = work
        self._began = time.monotonic()
        self.connected = False
        self.committing = False
        self.events: list[tuple[Event, int]] = []

    def run(self) -> T:
        """Run the work and commit it."""
        with self._engine.connect() as connection:
            self.connected = True
            with connection.begin() as transaction:
                begin(connection, self._mode)
                result = self._work(Unit(connection, self.events))
                self.committing = True
                transaction.commit()
        return result

    @property
    def was_stale(self) -> bool:
        """Whether the connection may have died while it was idle."""
        took = time.monotonic() - self._began
        return self.connected and took < AT_ONCE


def _wait(slots: int) -> None:
    """Wait a random time, so that transactions that raced come apart."""
    time.sleep(random.uniform(0, slots * SLOT))  # noqa: S311


def _again(
    kind: ErrorKind, lost: int, attempt: Attempt[T], uncertain: bool
) -> bool:
    """Return whether the work may be run again, after ``lost`` attempts."""
    if kind is ErrorKind.RACE:
        return lost < ATTEMPTS
    stale = kind is ErrorKind.GONE and attempt.was_stale
    return stale and not uncertain and lost == 1
