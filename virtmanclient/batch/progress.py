# SPDX-License-Identifier: Apache-2.0
"""Show a run while it goes on.

On a terminal each step that runs has a live line with its seconds, below
the steps that have ended; elsewhere each event is one plain line, and a
step that takes long is mentioned again from time to time.

Not by rich: vmtrun needs the standard library alone, since it runs in Nova's
environment, too.
"""

from __future__ import annotations

import shutil
import time
from typing import Protocol, TextIO

from virtmanclient.batch.runner import Event, Result, Started
from virtmanclient.batch.steps import Step

TICK = 0.25  # seconds between two pictures on a terminal
REMINDER = 15  # seconds between two mentions of a long step elsewhere
LIVE_LINES = 10  # more running steps than this are only counted


class Progress(Protocol):
    """A display of a run's events."""

    tick: float

    def show(self, event: Event | None) -> None:
        """Show one event; None means that time has passed."""

    def close(self) -> None:
        """Take moving lines off the screen."""


def on(stream: TextIO, total: int) -> Progress:
    """Return the progress that suits a stream, for a number of steps."""
    if stream.isatty():
        return Live(stream, total)
    return Plain(stream, total)


class Plain:
    """A display of one line an event, for logs and pipes."""

    tick: float = REMINDER

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = total
        self._ended = 0
        self._began: dict[Step, float] = {}

    def show(self, event: Event | None) -> None:
        """Write a line about an event."""
        if event is None:
            for step, began in self._began.items():
                seconds = time.monotonic() - began
                self._say(f"{_what(step)}: at work for {seconds:.0f} s")
        elif isinstance(event, Started):
            self._began[event.step] = time.monotonic()
            self._say(f"{_what(event.step)}: begun")
        else:
            self._began.pop(event.step, None)
            self._ended += 1
            self._say(f"[{self._ended}/{self._total}] {_ended(event)}")

    def close(self) -> None:
        """Do nothing: there are no moving lines."""

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Live:
    """A display of lines that move, for a terminal."""

    tick: float = TICK

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = total
        self._ended = 0
        self._began: dict[Step, float] = {}
        self._drawn = 0

    def show(self, event: Event | None) -> None:
        """Draw the lines anew after an event."""
        self._wipe()
        if isinstance(event, Started):
            self._began[event.step] = time.monotonic()
        elif isinstance(event, Result):
            self._began.pop(event.step, None)
            self._ended += 1
            print(_ended(event), file=self._stream)
        self._draw()

    def close(self) -> None:
        """Take the moving lines away; the ended steps stay."""
        self._wipe()
        self._stream.flush()

    def _wipe(self) -> None:
        if self._drawn:
            # Up so many lines, to the first column, clear to the end.
            self._stream.write(f"\033[{self._drawn}A\r\033[J")
        self._drawn = 0

    def _draw(self) -> None:
        width, height = shutil.get_terminal_size()
        # Two lines are for the count and the cursor.
        room = max(0, min(LIVE_LINES, height - 2))
        now = time.monotonic()
        lines = [
            f"  {_what(step)} ... {now - began:.0f} s"
            for step, began in list(self._began.items())[:room]
        ]
        nodes = "node" if len(self._began) == 1 else "nodes"
        lines.append(
            f"{self._ended} of {self._total} steps done, "
            f"{len(self._began)} {nodes} at work"
        )
        for line in lines:
            print(line[: width - 1], file=self._stream)
        self._drawn = len(lines)
        self._stream.flush()


def _what(step: Step) -> str:
    return f"{step.node}: {step}"


def _ended(result: Result) -> str:
    text = f"{_what(result.step)}: {result.outcome} ({result.seconds:.1f} s)"
    return f"{text} {result.message}".rstrip()
