# SPDX-License-Identifier: Apache-2.0
"""Waits, up to a deadline, for what the host does within milliseconds.

Not by tenacity: it takes 41 ms to import, and the helpers that run as root
are to load no more than they need.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

# Seconds between two attempts.
_PAUSE = 0.02


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; return False if the time runs out."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)
    return True


def retry(
    attempt: Callable[[], T],
    kind: type[E],
    passing: Callable[[E], bool],
    seconds: float,
) -> T:
    """Repeat an attempt while it fails by a passing error; return its result.

    :param kind: the errors that may be passing.
    :param passing: tells whether an error of the kind is.

    Any other error is raised at once, and a passing one when the time has run
    out.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except kind as error:
            if time.monotonic() >= deadline or not passing(error):
                raise
        time.sleep(_PAUSE)
