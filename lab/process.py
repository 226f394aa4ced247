# SPDX-License-Identifier: Apache-2.0
"""A process in a node: started, followed, awaited, killed.

It lives in a folder of the share: the host writes ``command`` and ``in``,
the node ``pid``, ``out``, ``err`` and ``code``.  So output has no limit of
size, can be read while it grows, and outlives a power cut; and waiting costs
the node nothing.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from lab import doorbell
from lab.errors import NodeDown, WrongState
from lab.machine import Machine
from lab.waiting import pauses

_POWER_CHECK = 0.5


class Process:
    """A command running in a node; ``pid`` is its number there.

    Output goes to ``log``, a path below /share, or else to the folder.
    """

    def __init__(
        self,
        machine: Machine,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        log: str | None = None,
        timeout: float = 60,
    ) -> None:
        self.name = shlex.join(argv)
        self._machine, self._power = machine, machine.pid()
        self._checked = time.monotonic()
        self.folder = _new_folder(machine.share)
        try:
            self._write_command(stdin, log)
            self._start(timeout)
        except BaseException:
            self.forget()
            raise

    def _write_command(self, stdin: bytes | None, log: str | None) -> None:
        here = f"/share/.lab/runs/{self.folder.name}"
        source = "/dev/null"
        if stdin is not None:
            (self.folder / "in").write_bytes(stdin)
            source = f"{here}/in"
        sinks = f">>{shlex.quote(log)} 2>&1" if log else ">out 2>err"
        (self.folder / "command").write_text(
            f"exec <{source} {sinks}\ncd /\nexec /usr/bin/setsid {self.name}\n"
        )

    def _start(self, timeout: float) -> None:
        if self._power is None:
            raise NodeDown(f"node {self._machine.spec.name} has no power")

        def heard() -> bool:
            return self._number("pid") is not None

        doorbell.ring(self._machine.folder, self.folder.name, heard, timeout)
        self.pid = self._number("pid") or 0

    def poll(self) -> int | None:
        """Return the exit code (128 + n for signal n), None while it runs.

        Raises NodeDown when the node has lost its power meanwhile.
        """
        code = self._number("code")
        due = time.monotonic() - self._checked > _POWER_CHECK
        if code is None and due:
            self._checked = time.monotonic()
            if self._machine.pid() != self._power:
                raise NodeDown(
                    f"node {self._machine.spec.name} lost its power during: "
                    f"{self.name}"
                )
        return code

    def wait(
        self, timeout: float, tick: Callable[[], None] = lambda: None
    ) -> int | None:
        """Wait for the end, calling ``tick`` meanwhile; None if it is late."""
        for _ in pauses(timeout):
            code = self.poll()
            tick()
            if code is not None:
                return code
        return None

    def kill(self, signal: str = "KILL") -> None:
        """Signal the process and its children; none left is fine."""
        # The shell's own kill: the program comes with procps, and a root of
        # the fewest packages lacks that.
        argv = ["sh", "-c", 'kill -s "$0" -- "-$1"', signal, str(self.pid)]
        killer = Process(self._machine, argv)
        killer.wait(30)
        killer.forget()

    def read(self, stream: str, start: int = 0) -> bytes:
        """Return the stream ``out`` or ``err`` from byte ``start`` on."""
        try:
            with (self.folder / stream).open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:
            return b""

    def forget(self) -> None:
        """Remove the process's folder, with its exit code and output."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _number(self, name: str) -> int | None:
        text = self.read(name)
        return int(text) if text.endswith(b"\n") else None


class Follower:
    """Passes on the output of a process while it runs."""

    def __init__(self, process: Process, out: BinaryIO, err: BinaryIO) -> None:
        self.process = process
        self.sinks = {"out": out, "err": err}
        self.seen = dict.fromkeys(self.sinks, 0)

    def tick(self) -> None:
        """Write the output that has come since the last call."""
        for stream, sink in self.sinks.items():
            if news := self.process.read(stream, self.seen[stream]):
                self.seen[stream] += len(news)
                sink.write(news)
                sink.flush()


def _new_folder(share: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="", dir=share / ".lab" / "runs"))
    except FileNotFoundError:
        raise WrongState(
            f"{share.parent.name}: the cluster is down; take it up first"
        ) from None
