# SPDX-License-Identifier: Apache-2.0
"""Serves a WSGI application with eventlet: the one module that names it.

Nothing is monkey-patched.  Green threads wait for the clients' bytes only;
a request runs from its last byte to its answer without a switch, and the
evictor is a plain thread.  So the rest of volt runs unchanged under any
other WSGI server.
"""

import contextlib
import os
import signal
import socket
import warnings
from collections.abc import Iterator
from typing import Any

# volt resolves no names; eventlet's own resolver costs half of its import.
os.environ.setdefault('EVENTLET_NO_GREENDNS', 'yes')

with warnings.catch_warnings():
    # That eventlet is near its end is why only this module knows it; it
    # need not be said at every start.
    warnings.simplefilter('ignore')
    import eventlet
    import eventlet.wsgi

STOPS = (signal.SIGTERM, signal.SIGINT)
CONNECTIONS = 20_000
"""Open at the same time; every agent keeps one."""
IDLE = 120
"""Seconds after which a silent connection is closed."""
DRAIN = 10
"""Seconds that requests under way get when the service ends."""


def serve(
    listener: socket.socket, application: Any, log: Any, max_line: int
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is under way."""
    eventlet.wsgi.MAX_HEADER_LINE = max_line
    with _stop_signal() as stop:
        server = eventlet.spawn(
            eventlet.wsgi.server,
            eventlet.greenio.GreenSocket(listener),
            application,
            log=log,
            log_output=False,
            debug=False,
            max_size=CONNECTIONS,
            socket_timeout=IDLE,
            url_length_limit=max_line,
        )
        stop.recv(1)
        with eventlet.Timeout(DRAIN, False):
            server.kill()


@contextlib.contextmanager
def _stop_signal() -> Iterator[Any]:
    """Yield a socket that can be read once a signal asks to end.

    Python would start a poll again after its handler has run; the byte
    that it writes to the wakeup descriptor is what ends the poll.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    handlers = {one: signal.signal(one, lambda *_: None) for one in STOPS}
    try:
        yield eventlet.greenio.GreenSocket(reader)
    finally:
        signal.set_wakeup_fd(before)
        for one, handler in handlers.items():
            signal.signal(one, handler)
        writer.close()
