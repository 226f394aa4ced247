# SPDX-License-Identifier: Apache-2.0
"""Wait in short steps first, longer ones later, never past the deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator

_FIRST, _LONGEST, _GROWTH = 0.005, 0.1, 1.3


def pauses(timeout: float) -> Iterator[None]:
    """Yield now and then for ``timeout`` seconds, the last time at its end.

    Made for ``for _ in pauses(5): if condition(): return``; the loop ends by
    itself when the time is over.
    """
    limit = time.monotonic() + timeout
    pause = _FIRST
    yield
    while True:
        left = limit - time.monotonic()
        time.sleep(max(0.0, min(pause, left)))
        yield
        if left <= 0:
            return
        pause = min(pause * _GROWTH, _LONGEST)
