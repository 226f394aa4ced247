# SPDX-License-Identifier: Apache-2.0
"""``btreewithuncle``: the extra parents are the siblings of the parent."""

from __future__ import annotations

from collections.abc import Iterator

from volt.executor import shape
from volt.executor.policy import Policy


class BinaryTreeWithUncle(Policy):
    """Takes the tree parent, then the parent's siblings."""

    def extras(self, position: int, fanout: int) -> Iterator[int]:
        """Yield the places of the parent's siblings."""
        parent = shape.parent_of(position, fanout)
        if parent > shape.ROOT:
            above = shape.parent_of(parent, fanout)
            for place in shape.children_of(above, fanout):
                if place != parent:
                    yield place
