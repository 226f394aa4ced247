# SPDX-License-Identifier: Apache-2.0
"""The workers as their supervisor sees them: begun, heard of, ended."""

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
    """One process; times are monotonic."""

    pid: int
    line: socket.socket
    settings: Settings
    born: float
    heard: float
    ready: bool = False
    leaving: bool = False
    refusal: str | None = None

    def listen(self) -> None:
        """Take in what it has said."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while said := self.line.recv(worker.LONGEST):
                self.heard = time.monotonic()
                self.ready = self.ready or said == worker.READY
                if said.startswith(worker.REFUSED):
                    told = said.removeprefix(worker.REFUSED)
                    self.refusal = told.decode(errors="replace")

    def retire(self) -> None:
        """Let it serve its clients to the end, and no new ones."""
        self.leaving = True
        with contextlib.suppress(OSError):  # it has died
            self.line.send(worker.RETIRE)


class Crew:
    """All workers; begins new ones and takes note of ends."""

    def __init__(
        self, listener: socket.socket, inbox: Inbox, watchdog: float | None
    ) -> None:
        self.members: dict[int, Worker] = {}
        # The owner learns of it by what wait() returns.
        inbox.on_stop = lambda _: None
        self._listener = listener
        self._inbox = inbox
        self._watchdog = watchdog
        self._selector = selectors.PollSelector()
        self._selector.register(inbox.reader, selectors.EVENT_READ)

    def hire(self, settings: Settings) -> Worker:
        """Begin a worker; OSError if the system has no room for it."""
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
        """Return the numbers of signals, after that time at the latest."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._inbox.reader:
                return self._inbox.reader.recv(4096)
        for member in self.members.values():
            member.listen()
        return b""

    def ended(self) -> list[tuple[Worker, int]]:
        """Return who has ended since, and how."""
        found = []
        for pid, status in reap():
            gone = self.members.pop(pid, None)
            if gone is None:
                LOG.debug("reaped %d, an orphan of somebody else", pid)
                continue
            gone.listen()
            self._selector.unregister(gone.line)
            gone.line.close()
            found.append((gone, os.waitstatus_to_exitcode(status)))
        return found

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
        """Accept nothing more; workers close their own end of it."""
        self._listener.close()

    def _become_worker(
        self, settings: Settings, line: socket.socket
    ) -> NoReturn:
        """Be another process from here on; nothing of this stack returns."""
        code = 1
        try:
            self._inbox.forsake()
            # An end of theirs that stayed open here would hide their ends.
            for other in self.members.values():
                other.line.close()
            code = worker.run(self._listener, settings, line, self._watchdog)
        except SystemExit:
            code = 0
        except BaseException:
            LOG.exception("this worker has failed")
        finally:
            os._exit(code)
