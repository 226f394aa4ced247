# SPDX-License-Identifier: Apache-2.0
"""The display for a terminal: running steps move, ended steps stay.

Each ended step has one line above.  Below are the running steps, each with
its seconds and one line that changes, and the tree while it changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from demo import picture
from demo.display import Display, Plain
from demo.events import (
    Begun,
    Doing,
    Ended,
    Event,
    Flow,
    Moved,
    Said,
    TreeDone,
    TreeSeen,
)

PICTURES = 8.0  # a second
TICK = 1.0  # seconds between two looks at how far a step is
WIDEST = 100  # columns; the seconds at the right end stay near their step


def on(out: TextIO, term: str) -> Display:
    """Return the display that suits a stream; ``term`` is $TERM."""
    if not out.isatty() or term in ("", "dumb", "unknown"):
        return Plain(out)
    live = Live(Console(file=out, highlight=False))
    live.open()
    return live


@dataclass
class _Running:
    """A running step: its title, its start, and its present action."""

    title: str
    since: float
    spinner: Spinner
    doing: str = ""


class Live:
    """Shows events on a terminal."""

    tick: float = TICK

    def __init__(
        self, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._clock = clock
        self._width = min(console.width, WIDEST)
        self._lock = threading.RLock()
        self._closed = False
        self._running: dict[str, _Running] = {}
        self._tree: TreeSeen | None = None
        self._flows: dict[str, Flow] = {}
        self._live = RichLive(
            console=console,
            get_renderable=self.picture,
            auto_refresh=False,
            transient=True,
        )
        # One writer at a time: rich moves the cursor up by the height of the
        # last picture, which another thread may have drawn but not written.
        self._screen = threading.Lock()
        self._end = threading.Event()
        self._painter = threading.Thread(target=self._paint, daemon=True)

    def open(self) -> None:
        """Start the drawing thread."""
        self._live.start()
        self._painter.start()

    def close(self) -> None:
        """Take the moving lines away; ended steps and the tree stay."""
        self._end.set()
        if self._painter.is_alive():
            self._painter.join()
        self._keep_tree()
        with self._lock:
            self._running.clear()
            self._closed = True
        self._live.stop()

    def _paint(self) -> None:
        while not self._end.wait(1 / PICTURES):
            with self._screen:
                self._live.refresh()

    def show(self, event: Event) -> None:
        """Take in one event; the next picture shows it."""
        with self._lock:
            line = None if self._closed else self._take(event)
        if line is not None:
            self._print(line)
        if isinstance(event, TreeDone):
            self._keep_tree()

    def _take(self, event: Event) -> RenderableType | None:
        """Take in an event; return the line of it that stays, if any."""
        match event:
            case Begun(name, title):
                spinner = Spinner("dots", style="cyan")
                run = _Running(title, self._clock(), spinner)
                self._running[name] = run
            case Ended(name, _, _, _, _):
                self._running.pop(name, None)
                return self._ended(event)
            case Doing(name, text) if name in self._running:
                self._running[name].doing = text
            case Moved(_, flows):
                self._flows = dict(flows)
            case TreeSeen():
                self._tree, self._flows = event, {}
            case Said(text):
                return Text(f"  {text}")
        return None

    def picture(self) -> RenderableType:
        """Return the moving lines as they are now."""
        with self._lock:
            return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        for run in self._running.values():
            seconds = f"{self._clock() - run.since:.0f} s"
            yield self._line(run.spinner, Text(run.title, "bold"), seconds)
            if run.doing:
                yield _cut(f"  {run.doing}", self._width)
        if self._tree is not None:
            yield picture.tree(self._tree, self._flows, self._width)

    def _ended(self, event: Ended) -> RenderableType:
        good = event.held
        mark = Text("✓", "green") if good else Text("✗", "bold red")
        title = Text(event.title)
        if event.note:
            title.append(f"  {event.note}", "dim")
        return self._line(mark, title, f"{event.seconds:.1f} s")

    def _line(
        self, mark: RenderableType, title: Text, seconds: str
    ) -> RenderableType:
        line = Table.grid(padding=(0, 1, 0, 0))
        line.width = self._width - 1
        line.add_column(width=1)
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True)
        line.add_row(mark, title, seconds)
        return line

    def _keep_tree(self) -> None:
        """Print the last state of the tree, and stop drawing it."""
        with self._lock:
            seen, self._tree = self._tree, None
        if seen is not None:
            self._print(picture.tree(seen, self._flows, self._width))

    def _print(self, line: RenderableType) -> None:
        with self._screen:
            self._console.print(line)


def _cut(text: str, width: int) -> Text:
    line = Text(text, "dim", no_wrap=True, overflow="ellipsis")
    line.truncate(width - 1, overflow="ellipsis")
    return line
