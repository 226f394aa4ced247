# SPDX-License-Identifier: Apache-2.0
"""The door for programs of this host: HTTP and JSON on a Unix socket.

``POST /v1/<verb>`` with an object of arguments (:mod:`virtman.rpc.verbs`).
The answer is ``{"result": ...}`` with 200, or ``{"error": {"code",
"message"}}`` with a status of the same meaning.  The kernel names the caller's
user (:mod:`virtman.rpc.peer_credentials`), so no secret is needed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import socket
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, cast

from virtman.exception import ConfigError
from virtman.rpc import peer_credentials
from virtman.rpc.peer_credentials import Callers
from virtman.rpc.verbs import FAILED, INTERNAL, Failure, Verbs

LOG = logging.getLogger(__name__)

# A call is a few hundred bytes; no caller may make the agent read more.
_MAX_BODY = 1 << 20
# The pieces in which the rest of a larger one is read, and the seconds that
# the agent waits for each.
_PIECE, _LINGER = 1 << 16, 1.0
_VERB = re.compile("/v1/([a-z_]{1,40})")
STATUS: Mapping[str, HTTPStatus] = {
    "invalid_request": HTTPStatus.BAD_REQUEST,
    "not_admitted": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "already_exists": HTTPStatus.CONFLICT,
    "in_use": HTTPStatus.CONFLICT,
    "wrong_identity": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "no_space": HTTPStatus.INSUFFICIENT_STORAGE,
    "no_source": HTTPStatus.GATEWAY_TIMEOUT,
    FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
    INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Seconds a caller may take between two pieces of its request.
    timeout = 10.0

    def do_POST(self) -> None:
        """Run one verb and send its answer."""
        try:
            self._say(HTTPStatus.OK, {"result": self._call()})
        except Failure as failure:
            self._say(STATUS[failure.code], failure.answer)
            if self.close_connection:
                self._read_on()

    def address_string(self) -> str:
        """Return the caller's process and user as text; it has no address."""
        return str(peer_credentials.of(self.connection))

    def log_message(self, format: str, *args: Any) -> None:
        """Log a line through logging, not to standard error."""
        LOG.debug("%s %s", self.address_string(), format % args)

    def _call(self) -> Any:
        door = cast(LocalDoor, self.server)
        body = self._body()
        caller = peer_credentials.of(self.connection)
        if not door.callers.admits(caller):
            LOG.warning("user %d may not use %s", caller.uid, door.socket_path)
            raise Failure(
                "not_admitted",
                f"user {caller.uid} may not use {door.socket_path}; the "
                "agent's option local_group names the users that may, beside "
                "root",
            )
        verb = _VERB.fullmatch(self.path)
        if verb is None:
            raise Failure("not_found", "unknown path; it is /v1/<verb>")
        return door.verbs.call(verb[1], body)

    def _body(self) -> Any:
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > _MAX_BODY:
            self.close_connection = True
            raise Failure("too_large", f"a body of at most {_MAX_BODY} bytes")
        try:
            return json.loads(self.rfile.read(int(length)) or b"{}")
        except (ValueError, RecursionError) as error:
            raise Failure(
                "invalid_request", "the body is not a JSON object"
            ) from error

    def _read_on(self) -> None:
        """Read the rest of a refused request, for a moment.

        A connection that is closed with unread bytes, or while the caller
        still sends, breaks before the caller has read the answer.
        """
        self.connection.settimeout(_LINGER)
        with contextlib.suppress(OSError):
            for _ in range(_MAX_BODY // _PIECE):
                if not self.rfile.read1(_PIECE):
                    return

    def _say(self, status: HTTPStatus, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class LocalDoor(ThreadingMixIn, UnixStreamServer):
    """Serves :class:`Verbs`; calls run side by side.

    :raises ConfigError: the socket cannot be made, or is another agent's.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(
        self, socket_path: Path, verbs: Verbs, callers: Callers
    ) -> None:
        self.socket_path = socket_path
        self.verbs = verbs
        self.callers = callers
        _make_room(socket_path)
        try:
            super().__init__(str(socket_path), _Handler)
        except OSError as error:
            raise ConfigError(
                f"local_socket = {socket_path}: {error.strerror or error}"
            ) from error

    def server_bind(self) -> None:
        """Bind the socket so that only admitted callers can connect.

        Not by the umask, which all threads of a process share: one of two
        that change it at once puts the other's back.  A caller that connects
        before the mode is set is refused all the same.
        """
        super().server_bind()
        self.socket_path.chmod(0o600)
        if self.callers.gid is not None:
            _let_in(self.socket_path, self.callers.gid)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log that a connection broke; the library would print it."""
        error = sys.exception()
        if isinstance(error, OSError):
            LOG.info("a caller went away: %s", error.strerror or error)
        else:
            LOG.exception("a request failed")

    def server_close(self) -> None:
        """Close the door and remove its socket's file."""
        super().server_close()
        self.socket_path.unlink(missing_ok=True)


@contextlib.contextmanager
def serving(
    socket_path: Path, verbs: Verbs, callers: Callers, poll: float = 0.5
) -> Iterator[None]:
    """Serve the door while the context lasts; then finish calls at work.

    :param poll: seconds between two checks whether the door is to close.
    :raises ConfigError: the socket cannot be made, or is another agent's.
    """
    with LocalDoor(socket_path, verbs, callers) as door:
        thread = threading.Thread(
            target=door.serve_forever, args=(poll,), name="local-door"
        )
        thread.start()
        LOG.info("serving on %s", socket_path)
        try:
            yield
        finally:
            door.shutdown()
            thread.join()


def _let_in(file: Path, gid: int) -> None:
    """Give a group access to the socket, and to a closed folder above it."""
    folder, mode = file.parent, stat.S_IMODE(file.parent.stat().st_mode)
    if not mode & stat.S_IXOTH:
        os.chown(folder, -1, gid)
        folder.chmod(mode | stat.S_IXGRP)
    os.chown(file, -1, gid)
    file.chmod(0o660)


def _make_room(file: Path) -> None:
    """Remove the socket of an agent that was killed, and no other file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(
            f"local_socket = {file}: it is not a socket; move it away"
        )
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        try:
            probe.connect(str(file))
        except ConnectionRefusedError:
            file.unlink()
            return
        except OSError as error:
            raise ConfigError(
                f"local_socket = {file}: {error.strerror}"
            ) from error
    raise ConfigError(
        f"local_socket = {file}: another virtman-server is listening there"
    )
