# SPDX-License-Identifier: Apache-2.0
"""A worker: one of several processes that serve the same socket.

It talks with its supervisor over a socket, the *line*, which keeps the
borders of messages: the words below, or REFUSED and the reason.  When the
line ends, the supervisor has ended, and the worker ends, too.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket

from volt import compose
from volt.cmd.settings import Settings, set_up_logging
from volt.cmd.signals import Inbox, release
from volt.exception import ConfigError

LOG = logging.getLogger(__name__)

READY = b"ready"
ALIVE = b"alive"
REFUSED = b"refused "
RETIRE = b"retire"
LONGEST = 8192
"""Bytes of a message."""


def run(
    listener: socket.socket,
    settings: Settings,
    line: socket.socket,
    watchdog: float | None,
) -> int:
    """Serve until an order to end; return the exit code.

    Called with all signals held.  Ctrl-C reaches every process of the
    terminal, so the supervisor alone acts on it, and on SIGHUP.
    """
    for theirs in (signal.SIGINT, signal.SIGHUP):
        signal.signal(theirs, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Inbox({signal.SIGTERM}) as inbox:
        release()
        try:
            set_up_logging(settings.options)
            service = compose.compose(settings.options)
        except ConfigError as error:
            _say(line, REFUSED + str(error).encode())
            return 1
        _serve(listener, settings, service, line, inbox, watchdog)
    return 0


def _serve(
    listener: socket.socket,
    settings: Settings,
    service: compose.Service,
    line: socket.socket,
    inbox: Inbox,
    watchdog: float | None,
) -> None:
    # Imported after the fork: eventlet warns of every fork after its import.
    from volt.cmd import green

    server = green.Server(
        listener,
        service.application,
        settings.tls,
        settings.options.max_header_line,
    )

    def obey(order: bytes) -> None:
        if order == RETIRE:
            service.evictor.stop()
            server.retire()
        else:
            LOG.error("the supervisor is gone, so this worker ends")
            server.finish()

    inbox.on_stop = lambda _: None
    server.watch(inbox.reader, lambda _: server.finish())
    server.watch(line, obey)
    if watchdog:
        server.every(watchdog / 3, lambda: _say(line, ALIVE))
    service.evictor.start()
    _say(line, READY)
    server.run(settings.options.drain_timeout)
    service.close()


def _say(line: socket.socket, message: bytes) -> None:
    # If the supervisor is gone, the end of the line reports that as well.
    with contextlib.suppress(ConnectionError):
        line.send(message[:LONGEST])
