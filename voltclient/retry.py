# SPDX-License-Identifier: Apache-2.0
"""Decides whether and when a failed call is made again.

Not by tenacity, which takes 41 ms to import, a quarter of a command's start,
nor by urllib3's Retry: neither gives each attempt the rest of one deadline.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import TypeVar

from voltclient import exceptions

T = TypeVar("T")
Attempt = Callable[[float], T]

PASSING = (429, 502, 503, 504)
"""HTTP statuses of passing troubles."""

LEAST = 0.1
"""Seconds that an attempt has at least: a busy host may oversleep a pause
that would have ended just before the deadline."""


@dataclasses.dataclass(frozen=True, slots=True)
class Retry:
    """Few attempts, spread out, within one deadline; times in seconds.

    A thousand nodes notice at once that volt is away.  So each pause is
    anything between nothing and ``pause``, which doubles from attempt to
    attempt: what failed together does not come back together.
    """

    attempts: int = 3
    deadline: float = 20.0
    pause: float = 0.5
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, attempt: Attempt[T], repeat: bool) -> T:
        """Return the result of ``attempt``, called with the seconds left.

        ``repeat``: another time does no harm, even if an earlier one was
        carried out and only its answer was lost.
        """
        end = self.clock() + self.deadline
        number = 1
        while True:
            try:
                return attempt(max(end - self.clock(), LEAST))
            except exceptions.BaseException as error:
                wait = self._wait(number, hope(error, repeat))
                if wait is None or self.clock() + wait >= end:
                    raise
            self.sleep(wait)
            number += 1

    def _wait(self, number: int, least: float | None) -> float | None:
        """Return how long to wait after the attempt of this number."""
        if least is None or number >= self.attempts:
            return None
        longest = max(least, self.pause * 2.0 ** (number - 1))
        return least + random.uniform(0.0, longest)  # noqa: S311 - no secret


def hope(error: exceptions.BaseException, repeat: bool) -> float | None:
    """Return the least wait for another attempt; None: no other attempt.

    A read that timed out is never made again: volt is at work on it, and
    one that is too slow must not be asked the same thing twice.
    """
    if isinstance(error, exceptions.NotReached):
        return 0.0
    if not repeat:
        return None
    if isinstance(error, exceptions.ConnectionLost):
        return 0.0
    if isinstance(error, exceptions.HTTPException) and error.code in PASSING:
        return error.retry_after or 0.0
    return None


def until_gone(attempt: Attempt[None]) -> Attempt[None]:
    """Return an attempt at a deletion, which a repetition may find done.

    When the answer of one attempt was lost and the next finds nothing to
    take away, the first has done it.
    """
    lost = False

    def again(left: float) -> None:
        nonlocal lost
        try:
            attempt(left)
        except exceptions.ConnectionLost:
            lost = True
            raise
        except exceptions.NotFound:
            if not lost:
                raise

    return again
