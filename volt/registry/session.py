# SPDX-License-Identifier: Apache-2.0
"""Transactions: each unit of work happens wholly or not at all."""

import itertools
import logging
import random
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import sqlalchemy as sa

from volt.event import Event, Observer, unobserved
from volt.exception import Unavailable
from volt.registry.circuit_breaker import Gate
from volt.registry.dialects.dialect import Mode
from volt.registry.dialects.error_codes import (
    ERRORS,
    Trouble,
    cause_of,
    diagnose,
)
from volt.registry.engine import begin
from volt.registry.unit import Unit

LOG = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[Unit], T]

ATTEMPTS = 10
"""Deadlocks and lost races are tried again that often, whole."""
SLOT = 0.005
"""Seconds; who has lost n races waits for up to 2**n of them."""
SLOTS = 32
"""The most it waits for."""
AT_ONCE = 1.0
"""Seconds in which a connection that has been ended says so."""


class Registry:
    """Runs units of work against one database; says what they did.

    Who writes to a tree, or to an image, locks its row first and does it in
    ``write``.  A beat sees several trees without locking any of them: that
    is ``note``.
    """

    def __init__(
        self, engine: sa.Engine, observer: Observer = unobserved
    ) -> None:
        self._observer = observer
        self._engine = engine
        self._gates = {mode: Gate() for mode in Mode}

    def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent picture; it must not write."""
        return self._run(Mode.READ, work)

    def note(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent picture and commit it.

        It writes only what nobody else writes at the same time.
        """
        return self._run(Mode.NOTE, work)

    def write(self, work: Work[T]) -> T:
        """Run ``work`` and commit it; it may be run more than once."""
        return self._run(Mode.WRITE, work)

    def _run(self, mode: Mode, work: Work[T]) -> T:
        self._gates[mode].check()
        for lost in itertools.count(1):
            attempt = Attempt(self._engine, mode, work)
            try:
                result = attempt.run()
            except ERRORS as error:
                trouble = diagnose(error)
                if trouble is None:
                    raise
                uncertain = attempt.committing and mode is not Mode.READ
                if not _again(trouble, lost, attempt, uncertain):
                    raise self._told(mode, trouble, error, uncertain) from None
                LOG.debug("attempt %d ended with %s", lost, trouble.name)
            else:
                for event, count in attempt.news:
                    self._observer(event, count)
                return result
            if trouble is Trouble.RACE:
                _wait(min(2**lost, SLOTS))
        raise AssertionError  # for mypy: counting has no end

    def _told(
        self, mode: Mode, trouble: Trouble, error: Exception, uncertain: bool
    ) -> Unavailable:
        """Return what to tell about ``trouble``, and have it told at once."""
        reason = f"the registry cannot be used: {trouble.value}"
        LOG.error("%s (%s)", reason, cause_of(error))
        unchanged = f"{reason}; nothing was changed, try again in a moment"
        for one in trouble.stops(mode):
            self._gates[one].close(unchanged)
        if uncertain and trouble is Trouble.GONE:
            return Unavailable(
                f"{reason}; whether the change was made is not known: "
                "ask again"
            )
        return Unavailable(unchanged)


class Attempt(Generic[T]):
    """One transaction, and how far it has come."""

    def __init__(self, engine: sa.Engine, mode: Mode, work: Work[T]) -> None:
        self._engine = engine
        self._mode = mode
        self._work = work
        self._began = time.monotonic()
        self.connected = False
        self.committing = False
        self.news: list[tuple[Event, int]] = []

    def run(self) -> T:
        """Run the work and commit it."""
        with self._engine.connect() as connection:
            self.connected = True
            with connection.begin() as transaction:
                begin(connection, self._mode)
                result = self._work(Unit(connection, self.news))
                self.committing = True
                transaction.commit()
        return result

    @property
    def was_stale(self) -> bool:
        """Whether its connection may just have been kept for too long."""
        took = time.monotonic() - self._began
        return self.connected and took < AT_ONCE


def _wait(slots: int) -> None:
    """Let the others go first, who all wait for another time."""
    time.sleep(random.uniform(0, slots * SLOT))  # noqa: S311


def _again(
    trouble: Trouble, lost: int, attempt: Attempt[T], uncertain: bool
) -> bool:
    """Tell whether the work may be run again, after so many attempts."""
    if trouble is Trouble.RACE:
        return lost < ATTEMPTS
    stale = trouble is Trouble.GONE and attempt.was_stale
    return stale and not uncertain and lost == 1
