# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of positions in a k-ary tree.

Places are numbered level by level, left to right, as in a binary heap: the
hidden root (the image servers) is 0 and, with fan-out k, the children of p
are k*p+1 ... k*p+k.  So a peer's parent, level and branch follow from its
position alone, without looking at any other peer.

    fan-out 2:        0
                   1     2          level 1
                  3 4   5 6         level 2
"""

from __future__ import annotations

import functools

ROOT = 0


def parent_of(position: int, fanout: int) -> int:
    """Return the parent's position; the root has no parent."""
    return (position - 1) // fanout


def children_of(position: int, fanout: int) -> range:
    """Return the positions of the children."""
    first = position * fanout + 1
    return range(first, first + fanout)


@functools.lru_cache(maxsize=1024)
def lineage(position: int, fanout: int) -> tuple[int, ...]:
    """Return the positions of the ancestors, nearest first, but not the root.

    Cached: placing one peer asks for the same ancestors many times.
    """
    above = []
    while (position := parent_of(position, fanout)) > ROOT:
        above.append(position)
    return tuple(above)


def level_of(position: int, fanout: int) -> int:
    """Return the level of a position: its distance from the root."""
    if fanout == 1:
        return position
    return len(lineage(position, fanout)) + 1 if position > ROOT else 0


def first_of_level(level: int, fanout: int) -> int:
    """Return the leftmost position of a level: 1 + k + ... + k**(level-1)."""
    return sum(fanout**above for above in range(level))


def level_limit(count: int, fanout: int) -> int:
    """Return the deepest level allowed in a tree of ``count`` peers.

    ceil(log_k(count + 1)) + 1: at most about one level more than the
    flattest tree.  A chain (fan-out 1) is as deep as it is long.
    """
    if fanout == 1:
        return count
    level = 0
    while fanout**level < count + 1:
        level += 1
    return level + 1
