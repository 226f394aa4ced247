# SPDX-License-Identifier: Apache-2.0
"""The displays of a run: their protocol, and plain lines for logs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from demo.events import (
    Begun,
    Doing,
    Ended,
    Event,
    Flow,
    Moved,
    Said,
    TreeSeen,
)
from demo.tree import tree

REMINDER = 15.0  # seconds between two lines of a step that takes long


class Display(Protocol):
    """A display of events; any thread may call it."""

    tick: float
    """Seconds between two looks at how far a step is."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Take moving lines off the screen."""


class Plain:
    """Lines with the seconds since the start; none has control characters.

    A step has a line when it begins and when it ends; between them at most
    one in 15 seconds, and only if it says something new.
    """

    tick: float = REMINDER

    def __init__(
        self, out: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out
        self._clock = clock
        self._start = clock()
        self._lock = threading.Lock()
        self._closed = False
        self._last: dict[str, tuple[float, str]] = {}

    def show(self, event: Event) -> None:
        """Print the lines of one event, if it has any."""
        with self._lock:
            if self._closed:
                return
            for line in self._lines(event):
                mark = f"[{self._clock() - self._start:6.1f} s]"
                print(f"{mark} {_printable(line)}".rstrip(), file=self._out)
            self._out.flush()

    def close(self) -> None:
        """Show no more events: a thread may end later than the run."""
        with self._lock:
            self._closed = True

    def _lines(self, event: Event) -> list[str]:
        match event:
            case Begun(name, title):
                self._last[name] = self._clock(), ""
                return [title]
            case Ended(name, _, _, _, _):
                self._last.pop(name, None)
                return [ended(event)]
            case Doing(name, text):
                return self._news(name, text)
            case Moved(name, _):
                return self._news(name, moved(event))
            case Said(text):
                return [f"  {text}"]
            case TreeSeen(root, parents):
                drawn = tree(root, parents).splitlines()
                return [f"  {line}" for line in drawn]
        return []

    def _news(self, name: str, text: str) -> list[str]:
        """Return a step's line if it is new and its last one long ago."""
        when, before = self._last.get(name, (self._start, ""))
        # The clock of a ticking thread may be early by a hair.
        due = self._clock() - when >= REMINDER * 0.99
        if text == before or not due:
            return []
        self._last[name] = self._clock(), text
        return [f"  {text}"]


def ended(event: Ended) -> str:
    """Return the line of a step that has ended."""
    how = "" if event.held else " FAILED"
    note = f": {event.note}" if event.note else ""
    return f"  {event.name}{how} after {event.seconds:.1f} s{note}"


def moved(event: Moved) -> str:
    """Return the line of the images that each machine sent and received."""
    return "images sent/received: " + ", ".join(
        f"{name} {_way(flow)}" for name, flow in event.flows.items()
    )


def _way(flow: Flow) -> str:
    return f"{flow.sent:.2f}/{flow.received:.2f}"


def _printable(line: str) -> str:
    return "".join(sign for sign in line if sign.isprintable())
