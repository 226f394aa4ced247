# SPDX-License-Identifier: Apache-2.0
"""Fetches long lists a page at a time, by limit and marker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from voltclient.exceptions import CommunicationError

T = TypeVar("T")
M = TypeVar("M")

SIZE = 1000
"""Entries to ask for at once; volt may give fewer."""


def iterate(
    page: Callable[[M | None], Sequence[T]], marker_of: Callable[[T], M]
) -> Iterator[T]:
    """Yield every entry; ``page`` fetches those after a marker.

    A page shorter than asked for is not the end, since volt may have a
    limit of its own: an empty one is.
    """
    marker: M | None = None
    while entries := page(marker):
        yield from entries
        last = marker_of(entries[-1])
        if last == marker:
            # Else the same page would be asked for until the end of time.
            raise CommunicationError(
                f"the answer is not in volt's protocol: after {marker!r} "
                f"comes {last!r} again"
            )
        marker = last


def parameters(limit: int | None, marker: object) -> dict[str, str]:
    """Return the query parameters that ask for a page."""
    asked = {"limit": limit, "marker": marker}
    return {key: str(asked[key]) for key in asked if asked[key] is not None}
