# SPDX-License-Identifier: Apache-2.0
"""Keeps the wanted number of workers serving one socket.

The supervisor itself opens no database and serves no request, so little in
it can fail.
"""

from __future__ import annotations

import logging
import os
import signal
import time

from volt.cmd.backoff import Backoff
from volt.cmd.rolling_restart import Step, cause, staff
from volt.cmd.settings import REFUSED, Reread, Settings, set_up_logging
from volt.cmd.signals import STOPS
from volt.cmd.systemd import Systemd
from volt.cmd.workers import Worker, Workers
from volt.exception import ConfigError

LOG = logging.getLogger(__name__)

MARGIN = 5.0
"""Seconds that a worker gets to end, on top of drain_timeout."""


class Supervisor:
    """Keeps workers with the settings in force, and at most one trial."""

    def __init__(
        self,
        workers: Workers,
        settings: Settings,
        reread: Reread,
        systemd: Systemd,
    ) -> None:
        self._workers = workers
        self._settings = settings
        self._reread = reread
        self._systemd = systemd
        self._backoff = Backoff()
        self._trial: Worker | None = None
        self._proven = False
        """Whether any worker has become ready with the settings in force."""
        self._reported = False
        """Whether systemd knows that all wanted workers serve."""
        self._stop_by: float | None = None

    def run(self) -> None:
        """Supervise until a signal asks to end and every worker has ended.

        Raises ``ConfigError`` if the first workers refuse the settings.
        """
        self._improve()
        while self._workers.members or self._stop_by is None:
            self._guard()
            for number in self._workers.wait(self._patience()):
                self._hear(number)
            for gone, how in self._workers.ended():
                self._mourn(gone, how)
            if self._stop_by is None:
                self._adopt()
                self._improve()
            elif time.monotonic() > self._stop_by:
                self._workers.signal(signal.SIGKILL)

    def _patience(self) -> float | None:
        """Return the seconds until the next task, or None for no end."""
        ends = []
        if self._systemd.watchdog:
            ends.append(self._systemd.watchdog / 3)
        if self._stop_by is not None:
            ends.append(max(0.0, self._stop_by - time.monotonic()))
        elif self._backoff.left():
            ends.append(self._backoff.left())
        return min(ends, default=None)

    def _hear(self, number: int) -> None:
        if number in STOPS:
            self._stop(number)
        elif number == signal.SIGHUP and self._stop_by is None:
            self._try()

    def _stop(self, number: int) -> None:
        """Let every worker finish; at a second signal, end all at once."""
        if self._stop_by is not None:
            self._workers.signal(signal.SIGKILL)
            raise SystemExit(128 + number)
        self._systemd.stopping()
        timeout = self._settings.options.drain_timeout + MARGIN
        self._stop_by = time.monotonic() + timeout
        self._workers.close()
        self._workers.signal(signal.SIGTERM)

    def _try(self) -> None:
        """Start one worker that tries the settings now in the files."""
        self._systemd.reloading()
        self._reported = False
        if self._trial:
            self._trial.leaving = True
            os.kill(self._trial.pid, signal.SIGKILL)
            self._trial = None
        try:
            self._trial = self._workers.hire(self._reread())
        except (ConfigError, OSError) as error:
            LOG.error("%s: %s", REFUSED, error)

    def _adopt(self) -> None:
        """Put the tried settings in force once their worker is ready."""
        if self._trial and self._trial.ready:
            before, self._settings = self._settings, self._trial.settings
            self._trial = None
            set_up_logging(self._settings.options)
            self._settings.tell_fixed(before)
            LOG.info("the new configuration is in force")

    def _mourn(self, gone: Worker, how: int) -> None:
        if gone is self._trial:
            self._trial = None
            LOG.error("%s: its worker %s", REFUSED, cause(gone, how))
        elif gone.leaving or self._stop_by is not None:
            LOG.info("worker %d %s", gone.pid, cause(gone, how))
        elif gone.refusal and not self._proven:
            self._workers.signal(signal.SIGKILL)
            raise ConfigError(gone.refusal)
        else:
            left = self._backoff.note(gone.born)
            text = "worker %d %s; the next one begins in %.1f s"
            LOG.error(text, gone.pid, cause(gone, how), left)

    def _improve(self) -> None:
        """Take every step that can be taken now."""
        here = staff(
            self._workers.members.values(), self._settings, self._trial
        )
        while (step := here.step()) is not Step.NOTHING:
            if isinstance(step, Worker):
                step.retire()
            elif self._backoff.left() or not self._hire():
                break
            here = staff(
                self._workers.members.values(), self._settings, self._trial
            )
        self._proven = self._proven or any(worker.ready for worker in here.new)
        if here.complete and not self._trial and not self._reported:
            self._reported = True
            LOG.info("%d workers serve", here.wanted)
            self._systemd.ready(f"{here.wanted} workers serve")

    def _hire(self) -> bool:
        try:
            self._workers.hire(self._settings)
        except OSError as error:
            left = self._backoff.note(time.monotonic())
            LOG.error(
                "cannot start a worker: %s; next attempt in %.1f s",
                error,
                left,
            )
            return False
        return True

    def _guard(self) -> None:
        """Tell systemd that the supervisor lives, and end hung workers."""
        if self._systemd.watchdog:
            self._systemd.alive()
            self._workers.end_hung(self._systemd.watchdog)
