# SPDX-License-Identifier: Apache-2.0
"""The single process that serves when no workers are configured."""

from __future__ import annotations

import logging
import signal
import socket
from concurrent.futures import Future

from volt import compose
from volt.cmd.background import in_background
from volt.cmd.settings import REFUSED, Reread, Settings, set_up_logging
from volt.cmd.signals import STOPS, Inbox, Insistence, reap
from volt.cmd.systemd import Systemd
from volt.exception import ConfigError

LOG = logging.getLogger(__name__)

Tried = Future[tuple[Settings, compose.Service]]


class SingleProcess:
    """Serves, reacts to signals, and exchanges its service at a reload."""

    def __init__(
        self, listener: socket.socket, settings: Settings, reread: Reread
    ) -> None:
        """Build service and server; raise ``ConfigError`` if that fails."""
        # Imported here because it imports eventlet, which only a server needs.
        from volt.cmd import green

        self._settings = settings
        self._reread = reread
        self._service = compose.compose(settings.options)
        self._server = green.Server(
            listener,
            self._service.application,
            settings.tls,
            settings.options.max_header_line,
        )
        self._systemd = Systemd()
        self._trying = self._again = False

    def run(self, inbox: Inbox) -> None:
        """Serve until a signal asks to end."""
        inbox.on_stop = Insistence()
        self._server.watch(inbox.reader, self._hear)
        if self._systemd.watchdog:
            self._server.every(self._systemd.watchdog / 3, self._systemd.alive)
        self._service.evictor.start()
        self._systemd.ready("Serving")
        self._server.run(self._settings.options.drain_timeout)
        self._service.close()

    def _hear(self, numbers: bytes) -> None:
        for number in numbers:
            if number in STOPS:
                self._systemd.stopping()
                self._server.finish()
            elif number == signal.SIGHUP:
                self._reload()
            else:
                tuple(reap())

    def _reload(self) -> None:
        """Try new settings in a thread: the registry may be slow to answer."""
        self._again = self._trying
        if not self._trying:
            self._trying = True
            self._systemd.reloading()
            in_background(self._try, self._decide, self._server.watch)

    def _try(self) -> tuple[Settings, compose.Service]:
        settings = self._reread()
        counters = self._service.counters
        return settings, compose.compose(settings.options, counters)

    def _decide(self, tried: Tried) -> None:
        reason = ""
        try:
            self._adopt(*tried.result())
        except ConfigError as error:
            reason = str(error)
        except Exception:
            LOG.exception(REFUSED)
        if reason:
            LOG.error("%s: %s", REFUSED, reason)
        self._systemd.ready("Serving")
        self._trying = False
        if self._again:
            self._reload()

    def _adopt(self, settings: Settings, service: compose.Service) -> None:
        try:
            set_up_logging(settings.options)
        except ConfigError:
            set_up_logging(self._settings.options)
            service.close()
            raise
        settings.tell_fixed(self._settings)
        before, self._service, self._settings = (
            self._service,
            service,
            settings,
        )
        self._server.application = service.application
        self._server.tls = settings.tls
        service.evictor.start()
        in_background(before.close, lambda _: None, self._server.watch)
        LOG.info("the new configuration is in force")
