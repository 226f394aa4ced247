# SPDX-License-Identifier: Apache-2.0
"""Time the steps of a run and report them; the table at the end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from demo.display import Display, Plain
from demo.events import Begun, Doing, Ended, Event, Moved, Said
from demo.tree import depth, tree

__all__ = ["Step", "Teller", "depth", "table", "tree"]

Progress = Callable[[], str | Moved]


class Step:
    """A running step.

    ``note`` stands behind its title once it has ended; ``held`` is False if
    a check of the step failed.
    """

    def __init__(self, name: str, show: Callable[[Event], None]) -> None:
        self.name = name
        self.note = ""
        self.held = True
        self._show = show

    def doing(self, text: str) -> None:
        """Show the step's present action, in place of the one before."""
        self._show(Doing(self.name, text))


class Teller:
    """Times steps, and hands their events to a display."""

    def __init__(self, out: TextIO, display: Display | None = None) -> None:
        """Take a display, or show plain lines on ``out``."""
        self._display = display or Plain(out)
        self.show = self._display.show
        self._begin = time.monotonic()
        self.seconds: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begin

    def say(self, text: str) -> None:
        """Show one line, or several, for good."""
        for line in text.splitlines():
            self.show(Said(line))

    @contextlib.contextmanager
    def step(
        self, name: str, title: str, progress: Progress | None = None
    ) -> Iterator[Step]:
        """Announce a step, time it, and ask for progress now and then."""
        step = Step(name, self.show)
        begin = time.monotonic()
        self.show(Begun(name, title))
        try:
            with self._ticking(step, progress):
                yield step
        except BaseException:
            step.held = False
            raise
        finally:
            took = self.seconds[name] = round(time.monotonic() - begin, 1)
            self.show(Ended(name, title, took, step.held, step.note))

    @contextlib.contextmanager
    def _ticking(
        self, step: Step, progress: Progress | None
    ) -> Iterator[None]:
        if progress is None:
            yield
            return
        end = threading.Event()

        def tick() -> None:
            while not end.wait(self._display.tick):
                now = progress()
                if isinstance(now, str):
                    step.doing(now)
                else:
                    self.show(now)

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()


def table(rows: Sequence[tuple[str, str, str]], title: str = "") -> str:
    """Return rows of (what, value, verdict) in columns, below a title."""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    line = "-" * (sum(widths) + 12)
    body = [
        f"{name:<{widths[0]}}   {value:<{widths[1]}}   {verdict}".rstrip()
        for name, value, verdict in rows
    ]
    return "\n".join([*filter(None, [title]), line, *body, line])
