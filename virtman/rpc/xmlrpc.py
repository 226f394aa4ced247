# SPDX-License-Identifier: Apache-2.0
"""The standalone door: XML-RPC over HTTP, a thread a call.

``http://<rpc_host>:7774/RPC2`` with the tutorial's six methods,
``list_inactive`` and those of stores, ``None`` allowed, introspection on.
Arguments are the contract's, by position; the optional ones of the image
methods may be left out.  Callers are admitted by :mod:`virtman.rpc.token`,
bodies are read by :mod:`virtman.rpc.dispatch`.
"""

from __future__ import annotations

import errno
import io
import logging
import re
import socket
import sys
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any, cast
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

from virtman.compute import Virtman
from virtman.exception import ConfigError
from virtman.rpc import dispatch
from virtman.rpc.deadline_reader import DeadlineReader
from virtman.rpc.token import Secrets

LOG = logging.getLogger(__name__)
METHODS = (
    "create",
    "destroy",
    "list",
    "list_inactive",
    "create_image_target",
    "destroy_image_target",
    "list_image_target",
    "open_store",
    "delete_store",
    "list_store",
    "store_room",
)
# A call is a few hundred bytes; no caller may make the agent read more.
_MAX_BODY = 1 << 20
# Bytes that are read of a refused request, so that the caller gets the answer.
_MAX_WASTE = 4 << 20


class _Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)
    # Seconds a caller may take between two pieces of its request, and for
    # all of it.  A silent one would keep its thread, and the agent from
    # ending.
    timeout = 10.0
    whole = 60.0
    # Nothing is packed: answers are short, and the library would fail at a
    # malformed header Accept-Encoding.
    encode_threshold = None  # type: ignore[assignment]

    def setup(self) -> None:
        """Set up the connection, with a deadline for its request."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(
            DeadlineReader(self.connection, self.timeout, self.whole)
        )

    def do_POST(self) -> None:
        """Read the body, check its size and the secret, and answer it."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > _MAX_BODY:
            self._refuse(413, f"a body of at most {_MAX_BODY} bytes")
            return
        if self.headers.get("Content-Encoding", "identity") != "identity":
            self._refuse(415, "a body as it is, not packed")
            return
        try:
            body = self.rfile.read(int(length))
        except TimeoutError:
            self.send_error(408)
            return
        if len(body) < int(length):
            self.send_error(400, "the body ends before its length")
            return
        secrets = cast(Door, self.server).secrets
        if secrets and not secrets.admit(self.headers.get("Authorization")):
            self._ask_secret()
            return
        self.rfile = io.BytesIO(body)
        super().do_POST()

    def _refuse(self, status: int, wanted: str) -> None:
        """Refuse a request, and answer what is wanted instead.

        The rest of the request is read, up to a limit: a connection that is
        closed with unread bytes is reset, and the caller would not get the
        answer.
        """
        self.send_error(status, wanted)
        self.wfile.flush()
        most = _MAX_WASTE
        while most > 0 and (waste := self.rfile.read1(1 << 16)):
            most -= len(waste)

    def _ask_secret(self) -> None:
        """Refuse a request without a valid secret, and ask for one."""
        LOG.warning("%s showed no valid secret", self.client_address[0])
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="virtman"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log a line through logging, not to standard error."""
        LOG.debug("%s %s", self.address_string(), ascii(format % args))


class Door(ThreadingMixIn, SimpleXMLRPCServer):
    """Serves a :class:`Virtman`; calls run side by side."""

    daemon_threads = False
    block_on_close = True
    allow_reuse_address = True
    # Connections that wait to be accepted; with the default of 5, callers
    # that come together wait for TCP to try again, a second or more.
    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        virtman: Virtman,
        secrets: Secrets | None = None,
    ) -> None:
        self.secrets = secrets
        self.address_family = (
            socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        try:
            super().__init__(
                (host, port), _Handler, logRequests=True, allow_none=True
            )
        except OSError as error:
            raise ConfigError(_why(host, port, error)) from error
        self.register_introspection_functions()
        for name in METHODS:
            verb: Callable[..., Any] = getattr(virtman, name)
            self.register_function(verb, name)

    def system_methodHelp(self, method_name: Any) -> str:
        """Tell what a method does; of what is no name, nothing."""
        named = isinstance(method_name, str)
        return super().system_methodHelp(method_name) if named else ""

    def _marshaled_dispatch(  # type: ignore[override]
        self, data: bytes, dispatch_method: Any = None, path: Any = None
    ) -> bytes:
        """Answer a body; the library's own would show Python's errors."""
        return dispatch.answer(self.funcs, data)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log that a connection broke; the library would print it."""
        error = sys.exception()
        if isinstance(error, OSError):
            LOG.info("%s went away: %s", client_address[0], error)
        else:
            LOG.exception("a request failed")


def _why(host: str, port: int, error: OSError) -> str:
    text = f"cannot serve on {host}:{port}: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        return f"{text}; is another virtman-server running? See 'ss -ltnp'"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{text}; rpc_host must be an address of this host"
    return text
