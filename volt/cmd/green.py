# SPDX-License-Identifier: Apache-2.0
"""Serves a WSGI application with eventlet: the one module that names it.

Nothing is monkey-patched.  Green threads wait for the clients' bytes, and
give way to each other once before each further request of a connection; then
it runs to its answer without a switch.  The evictor is a plain thread.  So the
rest of volt runs unchanged under any other WSGI server.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import logging
import os
import socket
import ssl
import warnings
from collections.abc import Callable
from typing import Any

from volt.cmd.listener import room

# volt resolves no names; eventlet's own resolver costs half of its import.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")

with warnings.catch_warnings():
    # eventlet warns that it is deprecated.  That is why only this module
    # imports it; operators need no warning at every start.
    warnings.simplefilter("ignore")
    import eventlet
    import eventlet.event
    import eventlet.green.ssl
    import eventlet.wsgi

LOG = logging.getLogger(__name__)

CONNECTIONS = 20_000
"""Most connections at a time, if descriptors allow; each agent keeps one."""
IDLE = 120
"""Seconds after which a connection without a request is closed."""
STALLED = 30
"""Seconds after which a client that stops within a request is given up."""
HANDSHAKE = 10
"""Seconds that a client gets to agree on TLS."""
TURNS = 5
"""Turns of the hub before idle connections are closed at the end: one to
accept waiting connections, one to start their green threads, one to wake up
the threads whose request has arrived, and two to spare."""
PAUSE = 0.2
"""Seconds until accepting is tried again while descriptors are lacking."""
LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
BROKEN = (errno.ECONNABORTED, errno.ECONNRESET, errno.EPROTO, errno.EPERM)
"""accept(2): errors of a connection, not of the listening socket."""


class _Retired(Exception):
    """Thrown into the green thread that accepts, to end its accepting."""


class Server:
    """Serves the connections of one listening socket.

    ``application`` and ``tls`` may be exchanged at any time; requests and
    connections that come later get the new ones.
    """

    def __init__(
        self,
        listener: socket.socket,
        application: Callable[..., Any],
        tls: ssl.SSLContext | None,
        max_line: int,
    ) -> None:
        eventlet.wsgi.MAX_HEADER_LINE = max_line
        self.application = application
        self.tls = tls
        self.closing = False
        """Whether each answer is the last one of its connection."""
        self._max_line = max_line
        self._listener = _Listener(listener)
        self._clients = eventlet.GreenPool(room(CONNECTIONS))
        self._over = eventlet.event.Event()

    def watch(
        self, source: socket.socket, react: Callable[[bytes], None]
    ) -> None:
        """Call ``react`` with the bytes that arrive; b'' is their end."""
        eventlet.spawn_n(_watch, eventlet.greenio.GreenSocket(source), react)

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Call ``act`` periodically, as long as the server can answer."""
        eventlet.spawn_n(_repeat, seconds, act)

    def run(self, drain: float) -> None:
        """Serve until ``finish``; then give requests ``drain`` seconds."""
        self._acceptor = eventlet.spawn(
            eventlet.wsgi.server,
            self._listener,
            self._answer,
            custom_pool=self._clients,
            protocol=self._converse,
            keepalive=IDLE,
            socket_timeout=STALLED,
            url_length_limit=self._max_line,
            log_output=False,
            debug=False,
        )
        self._acceptor.link(lambda _: self.finish())
        # The objects of now live as long as the process; without this,
        # Python's collector scans them again and again, which costs a
        # twentieth of each request.
        gc.freeze()
        self._over.wait()
        with eventlet.Timeout(drain, False), _unless_killed():
            for _ in range(TURNS):
                eventlet.sleep(0)
            eventlet.kill(self._acceptor)
            self._listener.close()
            self._acceptor.wait()
        if self._clients.running():
            LOG.warning("%d requests cut off", self._clients.running())

    def finish(self) -> None:
        """End the server; requests that have arrived are still answered."""
        self.closing = True
        if not self._over.ready():
            self._over.send()

    def retire(self) -> None:
        """Leave the socket to other workers; end after the last client.

        A client may have sent a request on a connection that is idle here;
        so each gets one more answer, which tells it to connect anew.
        """
        if not self.closing:
            self.closing = True
            eventlet.kill(self._acceptor, _Retired())
            eventlet.spawn_n(self._see_off)

    def _see_off(self) -> None:
        with eventlet.Timeout(IDLE + STALLED, False):
            self._clients.waitall()
        self.finish()

    def _answer(self, environ: dict[str, Any], start: Any) -> Any:
        return self.application(environ, start)

    def _converse(self, state: list[Any], server: Any) -> None:
        """Serve one connection; ``state`` is eventlet's, [1] the socket."""
        try:
            if self.tls:
                # In its place before the handshake, to be closed with it.
                state[1] = _wrapped(state[1], self.tls)
                with eventlet.Timeout(HANDSHAKE):
                    state[1].do_handshake()
            _Protocol(self, state, server)
        except (OSError, eventlet.Timeout) as error:
            LOG.debug("connection of %s: %s", state[0], error)
        except Exception:
            # Python's TLS raises many exceptions for a socket closed here.
            if state[2] != eventlet.wsgi.STATE_CLOSE:
                LOG.exception("connection of %s", state[0])


class _Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]
    """Speaks HTTP on one connection."""

    def __init__(self, ours: Server, state: list[Any], server: Any) -> None:
        self._ours = ours
        self._first = True
        super().__init__(state, server)

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        if isinstance(self.connection, ssl.SSLSocket):
            environ |= {"wsgi.url_scheme": "https", "HTTPS": "on"}
        return environ

    def handle_one_response(self) -> None:
        """Serve a request by ``_answer``, which may end the connection."""
        self.application = self._answer
        super().handle_one_response()

    def _answer(self, environ: dict[str, Any], start: Any) -> Any:
        # Others first: the next request of a quick client has often come
        # before its last answer has gone, and reading that does not switch.
        if not self._first:
            eventlet.sleep(0)
        self._first = False
        answer = self.server.app(environ, start)
        if self._ours.closing:
            self.close_connection = 1
        return answer


class _Listener:
    """A listening socket that no failure of a single accept ends."""

    def __init__(self, listener: socket.socket) -> None:
        self._socket = eventlet.greenio.GreenSocket(listener)
        self.family = listener.family
        self.getsockname = self._socket.getsockname
        self.close = self._socket.close

    def accept(self) -> tuple[Any, Any]:
        """Return the next connection and its address."""
        while True:
            try:
                accepted: tuple[Any, Any] = self._socket.accept()
            except _Retired:
                eventlet.event.Event().wait()  # for ever
            except OSError as error:
                self._bear(error)
            else:
                return accepted

    def _bear(self, error: OSError) -> None:
        if error.errno in LACKING:
            LOG.error("cannot accept connections: %s", error)
            eventlet.sleep(PAUSE)
        elif error.errno not in BROKEN:
            raise error


def _wrapped(client: Any, tls: ssl.SSLContext) -> Any:
    return eventlet.green.ssl.GreenSSLSocket(
        client,
        server_side=True,
        do_handshake_on_connect=False,
        suppress_ragged_eofs=True,
        _context=tls,
    )


def _watch(source: Any, react: Callable[[bytes], None]) -> None:
    received = b"."
    while received:
        received = source.recv(4096)
        react(received)


def _repeat(seconds: float, act: Callable[[], None]) -> None:
    while True:
        act()
        eventlet.sleep(seconds)


@contextlib.contextmanager
def _unless_killed() -> Any:
    with contextlib.suppress(eventlet.greenlet.GreenletExit):
        yield
