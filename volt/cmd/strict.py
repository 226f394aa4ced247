# SPDX-License-Identifier: Apache-2.0
"""What a connection may send: one way to read it, and an end to it.

Two programs that disagree about where a request ends can be made to see
requests that nobody sent (RFC 9112, 11.2).  So a request whose length could
be understood in two ways is refused, and its connection with it.  Nothing
here waits without a limit, or keeps more than a limit in memory.
"""

import contextlib
import http
import json
import socket
import time
from email.message import Message
from typing import Any

from volt.exception import BadRequest

SPARE = 64 * 1024
"""Bytes of a body that are read for nothing, to keep the connection."""
LONGEST_LINE = 1024
"""Bytes of a line that tells the size of a chunk."""
LINES = 1024 * 1024
"""Bytes of all such lines of a request, and of what follows its chunks."""
LINGER = 2.0
"""Seconds in which a client may finish sending what is not wanted."""


def fault(version: str, headers: Message) -> str | None:
    """Return why it is not clear where the request ends, None if it is."""
    lengths = headers.get_all('Content-Length', [])
    codings = headers.get_all('Transfer-Encoding', [])
    if headers.defects:
        return "a line of the headers has no name, or no colon after it"
    if len(lengths) + len(codings) > 1:
        return "it has two headers that tell the length of its body"
    if any(not (one.isascii() and one.isdigit()) for one in lengths):
        return "Content-Length is not a number in digits"
    if any(one.lower() != 'chunked' for one in codings):
        return "of all transfer encodings volt knows chunked alone"
    if codings and version == 'HTTP/1.0':
        return "HTTP/1.0 has no transfer encodings"
    return None


class Lines:
    """What a body is read from, with a limit to what is no body in it."""

    def __init__(self, source: Any) -> None:
        self.read = source.read
        self.spoiled = False
        """Whether it is not known any more where the request ends."""
        self._source = source
        self._left = LINES

    def readline(self) -> bytes:
        """Return a line; raise ``ValueError`` beyond the limits."""
        line: bytes = self._source.readline(LONGEST_LINE)
        self._left -= len(line)
        self.spoiled = len(line) == LONGEST_LINE or self._left < 0
        if self.spoiled:
            raise ValueError("too much beside the chunks of the body")
        return line


def is_endless(body: Any) -> bool:
    """Tell whether too much of a body is left to read it for nothing.

    ``body`` is eventlet's ``Input``; in chunks it is read from ``Lines``.
    """
    if body.chunked_input:
        return bool(body.chunk_length) or bool(body.rfile.spoiled)
    left: int = (body.content_length or 0) - body.position
    return left > SPARE


class Strict:
    """Stands before a handler of ``http.server``, and makes it so."""

    headers: Message
    raw_requestline: bytes
    request_version: str
    close_connection: Any
    connection: Any
    wfile: Any
    linger = False
    """Whether the client may still be sending when it has its answer."""

    def handle_one_request(self) -> None:
        """Serve one, or refuse it before it is read whole."""
        self.linger = True  # until the application has said how much it read
        super().handle_one_request()  # type: ignore[misc]
        self.linger = self.linger and bool(self.raw_requestline)

    def parse_request(self) -> bool:
        """Read the head of a request; refuse it if it can be misread."""
        if not super().parse_request():  # type: ignore[misc]
            return False
        found = fault(self.request_version, self.headers)
        if found:
            self.send_error(http.HTTPStatus.BAD_REQUEST, found)
        return not found

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """Refuse what is no request; in JSON, as all errors are told.

        It has no request id: it never became a request.
        """
        self.close_connection = True
        status = http.HTTPStatus(code)
        error = {'code': BadRequest.code, 'title': status.phrase}
        error['message'] = f"the request cannot be read: {message or explain}"
        body = json.dumps({'error': error | {'request_id': None}}).encode()
        head = (
            f'HTTP/1.1 {status.value} {status.phrase}\r\n'
            'Connection: close\r\n'
            'Content-Type: application/json\r\n'
            f'Content-Length: {len(body)}\r\n\r\n'
        )
        self.wfile.write(head.encode() + body)

    def finish(self) -> None:
        """Let the client read the answer before its connection is reset.

        A connection that is closed with bytes unread is reset, and a client
        that is told so while it sends would not read what was wrong.
        """
        if self.linger:
            with contextlib.suppress(OSError, ValueError):
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_WR)
                self._read_on()
        super().finish()  # type: ignore[misc]

    def _read_on(self) -> None:
        end = time.monotonic() + LINGER
        while (left := end - time.monotonic()) > 0:
            self.connection.settimeout(left)
            if not self.connection.recv(SPARE):
                break
