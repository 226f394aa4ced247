# SPDX-License-Identifier: Apache-2.0
"""Signals as bytes to read, so that one wait covers them and all else."""

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
    """End at once and in order: there is nothing to finish yet."""
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

    def __enter__(self) -> "Inbox":
        """Set the handlers; the first process of a container needs them."""
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(
            self._writer.fileno(), warn_on_full_buffer=False
        )
        self._handlers = {
            one: signal.signal(one, self._handle) for one in self._heard
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put back what was there."""
        for one, handler in self._handlers.items():
            signal.signal(one, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(self._wakeup)
        self._writer.close()
        self.reader.close()

    def forsake(self) -> None:
        """In a child: leave the parent's signals to the parent."""
        signal.set_wakeup_fd(-1)
        self.reader.close()
        self._writer.close()

    def _handle(self, number: int, _frame: Any) -> None:
        if number in STOPS:
            self.on_stop(number)


class Insistence:
    """An ``on_stop`` for who reads the first signal: a second one kills.

    The first process of a process namespace cannot be ended by the default
    action of a signal, so it ends itself; the code is what a shell shows
    for the signal.
    """

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, number: int) -> None:
        """Note that somebody wants an end, or end at once."""
        if self._asked:
            os._exit(128 + number)
        self._asked = True


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep signals waiting, so that a child never has its parent's handlers.

    A handler of the parent, run in the child, would write into the socket
    from which the parent reads.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release() -> None:
    """In a child that has handlers of its own: take signals again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def reap() -> Iterator[tuple[int, int]]:
    """Yield process and status of every child that has ended.

    Children of others are among them: the first process of a container
    inherits all orphans, and nobody else takes them off the list.
    """
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended
