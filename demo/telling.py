# SPDX-License-Identifier: Apache-2.0
"""How the demo speaks: steps with their seconds, progress, tree, table."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

_EVERY = 5.0


class Teller:
    """Prints lines with the seconds since the start before them."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._begin = time.monotonic()
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begin

    def say(self, text: str) -> None:
        """Print one line, or several with the same mark."""
        with self._lock:
            for line in text.splitlines():
                print(f"[{self.elapsed:6.1f} s]   {line}", file=self._out)
            self._out.flush()

    @contextlib.contextmanager
    def step(
        self, name: str, title: str, progress: Callable[[], str] | None = None
    ) -> Iterator[None]:
        """Announce a step, time it, and ask for progress now and then."""
        with self._lock:
            print(
                f"[{self.elapsed:6.1f} s] {title}", file=self._out, flush=True
            )
        begin = time.monotonic()
        try:
            with self._ticking(progress):
                yield
        finally:
            self.seconds[name] = round(time.monotonic() - begin, 1)

    @contextlib.contextmanager
    def _ticking(self, progress: Callable[[], str] | None) -> Iterator[None]:
        if progress is None:
            yield
            return
        end = threading.Event()

        def tick() -> None:
            while not end.wait(_EVERY):
                self.say(progress())

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()


def tree(root: str, parents: Mapping[str, Sequence[str]]) -> str:
    """Draw who reads from whom; a node's other sources stand behind it."""
    return "\n".join([root, *_branches(root, parents, "")])


def _branches(
    above: str, parents: Mapping[str, Sequence[str]], indent: str
) -> Iterator[str]:
    children = [node for node, of in parents.items() if of and of[0] == above]
    for place, child in enumerate(children):
        last = place == len(children) - 1
        spare = ", ".join(parents[child][1:])
        behind = f"  (then {spare})" if spare else ""
        yield f"{indent}{'└─ ' if last else '├─ '}{child}{behind}"
        below = indent + ("   " if last else "│  ")
        yield from _branches(child, parents, below)


def depth(root: str, parents: Mapping[str, Sequence[str]]) -> int:
    """Return how many hops the deepest node is from the image server.

    A node without a source counts as 0 hops; so does one that reads from
    such a node, or in a circle, which a moment's picture may show.
    """

    def level(node: str, seen: frozenset[str]) -> int:
        of = parents.get(node)
        if not of or node in seen:
            return 0
        return 1 + level(of[0], seen | {node})

    return max((level(node, frozenset([root])) for node in parents), default=0)


def table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return rows of (what, value, verdict) in columns."""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    line = "-" * (sum(widths) + 12)
    body = [
        f"{what:<{widths[0]}}   {value:<{widths[1]}}   {verdict}".rstrip()
        for what, value, verdict in rows
    ]
    return "\n".join([line, *body, line])
