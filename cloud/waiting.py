# SPDX-License-Identifier: Apache-2.0
"""Wait for an API's answer, which is asked less often than a file."""

from __future__ import annotations

from collections.abc import Iterator

from lab.waiting import pauses

_EVERY = 10
"""Pauses of ``lab``, of a tenth of a second, between two requests: a request
costs as much, on cores that the services under test need, too."""


def pauses_of_an_api(timeout: float) -> Iterator[None]:
    """Yield now and then for so many seconds, at once first."""
    for number, _ in enumerate(pauses(timeout)):
        if number % _EVERY == 0:
            yield
