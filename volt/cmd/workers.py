# SPDX-License-Identifier: Apache-2.0
"""The workers of a supervisor: starts them, hears them, notes their end."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import selectors
import signal
import socket
import time
from typing import NoReturn

from volt.cmd import worker
from volt.cmd.settings import Settings
from volt.cmd.signals import Inbox, held, reap

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(eq=False, slots=True)
class Worker:
    """One worker process; times are monotonic."""

    pid: int
    line: socket.socket
    settings: Settings
    born: float
    heard: float
    ready: bool = False
    leaving: bool = False
    refusal: str | None = None

    def listen(self) -> None:
        """Read the messages that the worker has sent."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while message := self.line.recv(worker.LONGEST):
                self.heard = time.monotonic()
                self.ready = self.ready or message == worker.READY
                if message.startswith(worker.REFUSED):
                    reason = message.removeprefix(worker.REFUSED)
                    self.refusal = reason.decode(errors="replace")

    def retire(self) -> None:
        """Let the worker serve its clients to the end, and no new ones."""
        self.leaving = True
        with contextlib.suppress(OSError):  # the worker may have died
            self.line.send(worker.RETIRE)


class Workers:
    """All workers of a supervisor: starts new ones and notes their end."""

    def __init__(
        self, listener: socket.socket, inbox: Inbox, watchdog: float | None
    ) -> None:
        self.members: dict[int, Worker] = {}
        # The supervisor learns of the signal from wait().
        inbox.on_stop = lambda _: None
        self._listener = listener
        self._inbox = inbox
        self._watchdog = watchdog
        self._selector = selectors.PollSelector()
        self._selector.register(inbox.reader, selectors.EVENT_READ)

    def hire(self, settings: Settings) -> Worker:
        """Start a worker; raise ``OSError`` if the system cannot fork."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with held():
            pid = os.fork()
            if not pid:
                ours.close()
                self._become_worker(settings, theirs)
        theirs.close()
        ours.setblocking(False)
        now = time.monotonic()
        hired = self.members[pid] = Worker(pid, ours, settings, now, now)
        self._selector.register(ours, selectors.EVENT_READ)
        return hired

    def wait(self, seconds: float | None) -> bytes:
        """Return the numbers of signals, after ``seconds`` at the latest."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._inbox.reader:
                return self._inbox.reader.recv(4096)
        for member in self.members.values():
            member.listen()
        return b""

    def ended(self) -> list[tuple[Worker, int]]:
        """Return the workers that have ended, each with its exit code."""
        workers = []
        for pid, status in reap():
            gone = self.members.pop(pid, None)
            if gone is None:
                LOG.debug("reaped process %d, which is not a worker", pid)
                continue
            gone.listen()
            self._selector.unregister(gone.line)
            gone.line.close()
            workers.append((gone, os.waitstatus_to_exitcode(status)))
        return workers

    def signal(self, number: int) -> None:
        """Send a signal to every worker."""
        for pid in self.members:
            os.kill(pid, number)

    def end_hung(self, watchdog: float) -> None:
        """End workers from which nothing was heard for so many seconds."""
        now = time.monotonic()
        for member in self.members.values():
            if member.ready and now - member.heard > watchdog:
                LOG.error("worker %d is hung; it is ended", member.pid)
                os.kill(member.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the listening socket here; workers close their own copies."""
        self._listener.close()

    def _become_worker(
        self, settings: Settings, line: socket.socket
    ) -> NoReturn:
        """Run a worker in the forked process; this function never returns."""
        code = 1
        try:
            self._inbox.forsake()
            # A copy of another worker's line, kept open here, would hide from
            # that worker that the supervisor has ended.
            for other in self.members.values():
                other.line.close()
            code = worker.run(self._listener, settings, line, self._watchdog)
        except SystemExit:
            code = 0
        except BaseException:
            LOG.exception("this worker has failed")
        finally:
            os._exit(code)
