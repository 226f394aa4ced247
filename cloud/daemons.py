# SPDX-License-Identifier: Apache-2.0
"""Programs of the host that live as long as the run.

Each is the first of a session of its own and gets SIGTERM when this process
ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloud.errors import CloudError
from lab.waiting import pauses

_TAIL = 3000
"""Characters of a log that an error shows."""
_LAST = 20.0
"""Seconds that a program has to end."""


class Daemon:
    """One program; its output goes to a file."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *map(str, argv)],
                cwd=log.parent,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
                | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Tell whether the daemon runs."""
        return not _ended(self._process)

    def wait_until(
        self, condition: Callable[[], bool], timeout: float
    ) -> None:
        """Wait until the daemon does its work; end it if it does not.

        :param timeout: seconds.
        :raises CloudError: it has ended, or the time is over.
        """
        try:
            self._wait_until(condition, timeout)
        except BaseException:
            # An interrupted caller has no daemon yet that it could end.
            self.stop()
            raise

    def _wait_until(
        self, condition: Callable[[], bool], timeout: float
    ) -> None:
        for _ in pauses(timeout):
            if not self.alive():
                raise CloudError(f"{self.name} has ended:\n{self.tail()}")
            if condition():
                return
        raise CloudError(
            f"{self.name} is not ready after {timeout:.0f} s:\n{self.tail()}"
        )

    def tail(self) -> str:
        """Return the end of the daemon's log."""
        return self.log.read_text(errors="replace")[-_TAIL:]

    def stop(self, timeout: float = _LAST) -> None:
        """End the daemon and its children; kill those that stay."""
        if self._process.returncode is None:
            _end(self._process, timeout)


def run(
    step: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 600.0,
) -> str:
    """Run a program to its end; return its output.

    :param step: how an error calls it.
    :param timeout: seconds.
    :raises CloudError: it failed, or took too long.
    """
    process = subprocess.Popen(
        [*map(str, argv)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | dict(env or {}),
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired as late:
        raise CloudError(f"{step}: not done in {timeout:.0f} s") from late
    finally:
        # What it has started goes with it, when we are interrupted, too.
        _end(process, _LAST)
    if process.returncode:
        raise CloudError(
            f"{step} ended with {process.returncode}:\n{(err or out)[-_TAIL:]}"
        )
    return out


def _end(process: subprocess.Popen[Any], timeout: float) -> None:
    """End a session; kill processes that stay for ``timeout`` seconds.

    The kernel gives a number to another program only after it was asked for
    the exit code: that comes last, or the signals might meet a stranger.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        for _ in pauses(timeout):
            if _ended(process):
                break
    process.wait()


def _ended(process: subprocess.Popen[Any]) -> bool:
    """Tell whether a program has ended, without asking for its exit code."""
    if process.returncode is not None:
        return True
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, how) is not None
