# SPDX-License-Identifier: Apache-2.0
"""Events of trees and nodes, which volt counts."""

from __future__ import annotations

import enum
from collections.abc import Callable


class Event(enum.Enum):
    """An event; it is reported after its transaction is committed."""

    JOINED = enum.auto()
    """A place was kept for a newcomer."""
    NO_PLACE = enum.auto()
    """A newcomer was told to ask again."""
    TAKEN_BACK = enum.auto()
    """A peer without a place serves: it got a place again."""
    LEFT = enum.auto()
    """A peer was taken out by request."""
    SILENT = enum.auto()
    """A peer was evicted: its node fell silent."""
    EXPIRED = enum.auto()
    """A peer was evicted: its node did not take its place in time."""
    FAILED_SOURCE = enum.auto()
    """A node reported a source that it cannot read from."""


Observer = Callable[[Event, int], None]
"""Called with an event and how many times it happened."""


def unobserved(event: Event, count: int) -> None:
    """Ignore an event."""
