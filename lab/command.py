# SPDX-License-Identifier: Apache-2.0
"""A process in a node: started, followed, awaited, killed.

The guest agent only starts it and tells its end.  What it reads and prints
goes through files in the shared folder: no limit of size, readable while it
runs, and still there after a power cut.
"""

import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lab.agent import Agent
from lab.errors import LabError

# A node's question costs its emulated CPU about a millisecond.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2


class Files(NamedTuple):
    """Where a process's three streams are, as the node sees them."""

    stdin: str
    stdout: str
    stderr: str


class Process:
    """A process started in a node; ``pid`` is its number there."""

    def __init__(
        self, agent: Agent, argv: Sequence[str], files: Files
    ) -> None:
        self.agent, self.name = agent, shlex.join(argv)
        words = ["/share/.lab/exec", *files, *argv]
        started = agent.ask("guest-exec", path="/bin/sh", arg=words)
        self.pid: int = started["pid"]
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, minus the signal's number, or None."""
        if self._code is None:
            status = self.agent.ask("guest-exec-status", pid=self.pid)
            if status["exited"]:
                self._code = status.get("exitcode", -status.get("signal", 0))
        return self._code

    def wait(self, timeout: float, tick: Callable[[], None]) -> int | None:
        """Wait for the end, calling ``tick`` between; None if it is late."""
        for _ in pauses(timeout):
            code = self.poll()
            tick()
            if code is not None:
                return code
        return None

    def kill(self, signal: str = "KILL") -> None:
        """Signal the process and its children; none left is fine."""
        words = ["-c", 'kill "-$0" -- "-$1"', signal, str(self.pid)]
        self.agent.ask("guest-exec", path="/bin/sh", arg=words)


def pauses(timeout: float) -> Iterator[None]:
    """Yield at growing intervals, for ``timeout`` seconds, at least twice."""
    limit = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    yield
    while True:
        left = limit - time.monotonic()
        time.sleep(max(0.0, min(pause, left)))
        yield
        if left <= 0:
            return
        pause = min(pause * 1.5, _LONGEST_PAUSE)


class Exchange:
    """The folder through which one command reads and prints."""

    def __init__(self, share: Path, stdin: bytes | None) -> None:
        runs = share / ".lab" / "runs"
        try:
            self.folder = Path(tempfile.mkdtemp(dir=runs))
        except FileNotFoundError as error:
            raise LabError(f"{share}: the cluster is not up") from error
        inside = f"/share/.lab/runs/{self.folder.name}"
        source = "/dev/null"
        if stdin is not None:
            (self.folder / "in").write_bytes(stdin)
            source = f"{inside}/in"
        self.files = Files(source, f"{inside}/out", f"{inside}/err")

    def __enter__(self) -> "Exchange":
        """Give the exchange for the time of one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, stream: str, start: int = 0) -> bytes:
        """Return what is in stream ``out`` or ``err`` from byte ``start``."""
        try:
            with (self.folder / stream).open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:
            return b""


class Follower:
    """Passes on what a command prints while it runs."""

    def __init__(self, source: Exchange, out: BinaryIO, err: BinaryIO) -> None:
        self.source = source
        self.sinks = {"out": out, "err": err}
        self.seen = dict.fromkeys(self.sinks, 0)

    def tick(self) -> None:
        """Write what has come since the last call."""
        for stream, sink in self.sinks.items():
            if news := self.source.read(stream, self.seen[stream]):
                self.seen[stream] += len(news)
                sink.write(news)
                sink.flush()
