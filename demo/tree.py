# SPDX-License-Identifier: Apache-2.0
"""Draw a tree of caches as text, and measure its depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Parents = Mapping[str, Sequence[str]]


def tree(root: str, parents: Parents) -> str:
    """Return a tree as text; a node's other sources stand behind it."""
    return "\n".join(
        f"{branch}{name}{spare(parents.get(name, ()))}"
        for branch, name in rows(root, parents)
    )


def spare(sources: Sequence[str]) -> str:
    """Return a node's other sources as text, empty for one source."""
    return f"  (then {', '.join(sources[1:])})" if sources[1:] else ""


def rows(root: str, parents: Parents) -> Iterator[tuple[str, str]]:
    """Yield the branch and the name of each machine, the root first."""
    yield "", root
    yield from _branches(root, parents, "")


def _branches(
    above: str, parents: Parents, indent: str
) -> Iterator[tuple[str, str]]:
    children = [node for node, of in parents.items() if of and of[0] == above]
    for place, child in enumerate(children):
        last = place == len(children) - 1
        yield f"{indent}{'└─ ' if last else '├─ '}", child
        below = indent + ("   " if last else "│  ")
        yield from _branches(child, parents, below)


def depth(root: str, parents: Parents) -> int:
    """Return the number of hops from the image server to the deepest node.

    A node without a source counts as 0 hops; so does one that reads from
    such a node, or in a circle, which a moment's picture may show.
    """

    def level(node: str, seen: frozenset[str]) -> int:
        of = parents.get(node)
        if not of or node in seen:
            return 0
        return 1 + level(of[0], seen | {node})

    return max((level(node, frozenset([root])) for node in parents), default=0)
