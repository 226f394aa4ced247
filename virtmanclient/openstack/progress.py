# SPDX-License-Identifier: Apache-2.0
"""One line that shows how far a run is, kept up to date while Nova works.

Not by rich: its import takes 60 ms, for one line.
"""

from __future__ import annotations

import collections
import shutil
from collections.abc import Sequence
from typing import TextIO

from virtmanclient.openstack.request_state import Record, State

TICK = 0.5  # seconds between two pictures on a terminal
REMINDER = 15.0  # seconds between two lines elsewhere
ORDER = (
    (State.OK, "done"),
    (State.FAILED, "failed"),
    (State.LATE, "late"),
    (State.ASKED, "at work"),
    (State.ASKING, "being asked for"),
    (State.WAITING, "to be asked for"),
)


class Line:
    """The progress line of a run, on a stream.

    On a terminal the line is drawn anew each time; elsewhere it is printed
    when ``REMINDER`` seconds have passed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._printed = 0.0
        self.tick = TICK if self._live else REMINDER

    def show(
        self, records: Sequence[Record], seconds: float, error: str = ""
    ) -> None:
        """Show how far the servers are, and the last failed look."""
        text = summary(records, seconds)
        if error:
            text += f" ({error})"
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            # To the first column, and clear the rest.
            self._stream.write(f"\r{text[:width]}\033[K")
        elif seconds - self._printed >= REMINDER:
            self._printed = seconds
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Take the moving line off a terminal."""
        if self._live:
            self._stream.write("\r\033[K")
            self._stream.flush()


def summary(records: Sequence[Record], seconds: float) -> str:
    """Return the text: ``12 s, 100 servers: 20 done, 80 at work``."""
    count = collections.Counter(record.state for record in records)
    parts = [f"{count[state]} {word}" for state, word in ORDER if count[state]]
    servers = "server" if len(records) == 1 else "servers"
    return f"{seconds:.0f} s, {len(records)} {servers}: {', '.join(parts)}"
