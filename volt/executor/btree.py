# SPDX-License-Identifier: Apache-2.0
"""``btree``: extra parents from the parent's level in another branch.

The branches are the subtrees below the root's children.  The peer that
stands in another branch where the tree parent stands in its own is taken;
if none serves there, the nearest one above it.  So the load of extra
children is spread as evenly as that of the tree itself, and two parents
share no ancestor but the image servers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from volt.executor import shape
from volt.executor.policy import Policy


class BinaryTree(Policy):
    """Takes the tree parent, then its mirrors in the other branches."""

    def extras(self, position: int, fanout: int) -> Iterator[int]:
        """Yield the mirrors of the parent, then their ancestors."""
        yield from _extras(position, fanout)


@functools.lru_cache(maxsize=1024)
def _extras(position: int, fanout: int) -> tuple[int, ...]:
    """Return all extra places, O(log n); cached as ``shape.lineage`` is."""
    places: list[int] = []
    mirrors = _mirrors(shape.parent_of(position, fanout), fanout)
    while mirrors and mirrors[0] > shape.ROOT:
        places += mirrors
        mirrors = [shape.parent_of(place, fanout) for place in mirrors]
    return tuple(places)


def _mirrors(position: int, fanout: int) -> list[int]:
    if position <= shape.ROOT:
        return []
    level = shape.level_of(position, fanout)
    first = shape.first_of_level(level, fanout)
    branch = fanout ** (level - 1)
    shifts = range(branch, branch * fanout, branch)
    return [
        first + (position - first + shift) % (branch * fanout)
        for shift in shifts
    ]
