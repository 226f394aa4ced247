# SPDX-License-Identifier: Apache-2.0
"""Turns signals into bytes to read, so that one wait covers all events."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

STOPS = frozenset({signal.SIGTERM, signal.SIGINT})
HEARD = frozenset({*STOPS, signal.SIGHUP, signal.SIGCHLD})


def leave(_number: int) -> None:
    """End the process at once and in order: no request is under way yet."""
    raise SystemExit(0)


class Inbox:
    """While open, each signal becomes a byte, its number, in ``reader``.

    Python starts a poll again after its handler has run; the byte that it
    writes to the wakeup descriptor is what ends the poll.  A signal that
    asks to end goes to ``on_stop`` besides, which is called wherever the
    process is; by default it ends the process.
    """

    def __init__(self, heard: Iterable[signal.Signals] = HEARD) -> None:
        self.on_stop: Callable[[int], None] = leave
        self._heard = heard

    def __enter__(self) -> Inbox:
        """Set the handlers; the first process of a container needs them."""
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(
            self._writer.fileno(), warn_on_full_buffer=False
        )
        self._handlers = {
            number: signal.signal(number, self._handle)
            for number in self._heard
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put back the handlers and the wakeup descriptor of before."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(self._wakeup)
        self._writer.close()
        self.reader.close()

    def forsake(self) -> None:
        """Close the inbox in a child: its signals are the parent's."""
        signal.set_wakeup_fd(-1)
        self.reader.close()
        self._writer.close()

    def _handle(self, number: int, _frame: Any) -> None:
        if number in STOPS:
            self.on_stop(number)


class Insistence:
    """An ``on_stop`` that ends the process at the second signal.

    The first process of a process namespace cannot be ended by the default
    action of a signal, so it ends itself; the code is what a shell shows
    for the signal.
    """

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, number: int) -> None:
        """Note the first signal, which the reader acts on; end at the next."""
        if self._asked:
            os._exit(128 + number)
        self._asked = True


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold signals back, so that no child runs its parent's handlers.

    A handler of the parent, run in the child, would write into the socket
    from which the parent reads.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release() -> None:
    """Take signals again, in a child that has handlers of its own."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def reap() -> Iterator[tuple[int, int]]:
    """Yield the process id and status of every child that has ended.

    Orphans are among them: the first process of a container inherits the
    children of ended processes, and only it can reap them.
    """
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended
