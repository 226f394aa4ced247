# SPDX-License-Identifier: Apache-2.0
"""What happens to trees and nodes, for who keeps count of it."""

import enum
from collections.abc import Callable


class Event(enum.Enum):
    """Told when it is written down for good, never before."""

    JOINED = enum.auto()
    """A place was kept for a newcomer."""
    NO_PLACE = enum.auto()
    """A newcomer was told to ask again."""
    TAKEN_BACK = enum.auto()
    """A peer that was not known, or no more, serves: it has a place again."""
    LEFT = enum.auto()
    """A peer was taken out by request."""
    SILENT = enum.auto()
    """A peer was evicted: its node fell silent."""
    EXPIRED = enum.auto()
    """A peer was evicted: nobody came to take its place."""
    FAILED_SOURCE = enum.auto()
    """A node reported a source that it cannot read from."""


Observer = Callable[[Event, int], None]
"""Is told what happened, and how many times."""


def unobserved(event: Event, count: int) -> None:
    """Take no notice."""
