# SPDX-License-Identifier: Apache-2.0
"""Commands and files in one node."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lab.errors import CommandFailed, CommandTimeout, LabError, NotInTime
from lab.machine import Machine
from lab.process import Follower, Process
from lab.waiting import pauses

_ALL_DAY = 86400.0


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command ended; ``code`` is 128 + n if signal n killed it."""

    code: int
    stdout: str
    stderr: str


class Shell:
    """Runs commands as root in ``/`` of a machine; any thread may call it.

    Nothing goes through the network: commands work on a cut link too.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.name = machine.spec.name

    def run(
        self,
        argv: Sequence[str],
        *,
        input: str | bytes | None = None,
        timeout: float = 60,
        check: bool = True,
    ) -> Result:
        """Run a command and wait for its end, ``timeout`` seconds at most.

        Raises CommandFailed for a code other than 0 if ``check``,
        CommandTimeout after killing a late one with its children, and
        NodeDown when the node has lost its power.
        """
        data = input.encode() if isinstance(input, str) else input
        code, out, err = self._run(argv, data, timeout)
        texts = out.decode(errors="replace"), err.decode(errors="replace")
        if code and check:
            raise CommandFailed(self._described(argv), code, *texts)
        return Result(code, *texts)

    def _run(
        self, argv: Sequence[str], data: bytes | None, timeout: float
    ) -> tuple[int, bytes, bytes]:
        out, err = io.BytesIO(), io.BytesIO()
        code = self.stream(argv, out, err, stdin=data, timeout=timeout)
        return code, out.getvalue(), err.getvalue()

    def stream(
        self,
        argv: Sequence[str],
        out: BinaryIO,
        err: BinaryIO,
        *,
        stdin: bytes | None = None,
        timeout: float = _ALL_DAY,
    ) -> int:
        """Run a command, pass on its output as it comes; return its code.

        An exception, Ctrl-C too, kills the command.
        """
        process = Process(self.machine, argv, stdin=stdin)
        follower = Follower(process, out, err)
        try:
            code = process.wait(timeout, follower.tick)
            if code is None:
                killed = f"{self._described(argv)}: killed after {timeout} s"
                outputs = map(process.read, ("out", "err"))
                texts = (data.decode(errors="replace") for data in outputs)
                raise CommandTimeout(killed, 137, *texts)
            return code
        except BaseException:
            with contextlib.suppress(LabError):
                process.kill()
            raise
        finally:
            process.forget()

    def start(self, argv: Sequence[str], *, log: str) -> Process:
        """Start a daemon whose output is appended to ``self.log(log)``."""
        self.log(log).parent.mkdir(parents=True, exist_ok=True)
        path = f"/share/logs/{self.name}/{log}"
        return Process(self.machine, argv, log=path)

    def log(self, name: str) -> Path:
        """Return the path on the host of a daemon's log."""
        return self.machine.share / "logs" / self.name / name

    def wait_until(
        self,
        condition: Callable[[], Any] | Sequence[str],
        *,
        timeout: float = 60,
        goal: str = "",
    ) -> Any:
        """Wait until a function returns a true value, or a command a 0.

        Returns that value.  Raises NotInTime with ``goal``, the name of the
        condition.
        """
        if callable(condition):
            ask = condition
        else:
            argv = condition
            goal = goal or shlex.join(argv)

            def ask() -> bool:
                return self.run(argv, check=False).code == 0

        for _ in pauses(timeout):
            if value := ask():
                return value
        name = goal or getattr(condition, "__name__", "the condition")
        raise NotInTime(f"node {self.name}: {name}: not in {timeout} s")

    def put(self, path: str, data: bytes) -> None:
        """Write a file in the node, making its folder."""
        script = 'mkdir -p "${0%/*}/" && cat >"$0"'
        self.run(["sh", "-c", script, path], input=data)

    def get(self, path: str) -> bytes:
        """Return the content of a file in the node."""
        code, out, err = self._run(["cat", "--", path], None, 60)
        if code:
            text = err.decode(errors="replace")
            raise CommandFailed(f"node {self.name}", code, "", text)
        return out

    def _described(self, argv: Sequence[str]) -> str:
        return f"node {self.name}: {shlex.join(argv)}"
