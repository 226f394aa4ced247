# SPDX-License-Identifier: Apache-2.0
"""A server that misbehaves as told: one act for each connection, in order."""

import contextlib
import json
import socket
import struct
import threading


class ScriptedServer:
    """``heard`` has the request of each connection; ``acts`` are left."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.heard = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                with connection:
                    self._play(connection)

    def _play(self, connection):
        if self._end.is_set():
            return
        connection.settimeout(30)
        self.heard.append(request(connection))
        act = self.acts.pop(0) if self.acts else reset
        act(connection, self._end)

    def close(self):
        self._end.set()
        # An accept that waits is woken by a caller, not by close.
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), 1).close()
        self._thread.join(30)
        self._listener.close()


def request(connection):
    """Return the whole request, or what came of it."""
    head, body = b"", b""
    with connection.makefile("rb") as stream:
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return head
            head += line
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                body = value
        return head + stream.read(int(body or 0))


def reset(connection, end):
    """Break the connection off."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def hang_up(connection, end):
    """Close the connection without an answer."""


def silence(connection, end):
    """Keep the connection and say nothing."""
    end.wait(30)


def says(raw):
    """Answer these bytes, whatever they are."""

    def act(connection, end):
        connection.sendall(raw)

    return act


def answers(payload=None, status="200 OK", **headers):
    """Answer in HTTP."""
    body = b"" if payload is None else json.dumps(payload).encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers),
    ]
    return says("\r\n".join([*lines, "", ""]).encode() + body)


def drips(connection, end):
    """Send an answer that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n")
    with contextlib.suppress(OSError):
        while not end.wait(0.01):
            connection.sendall(b" ")
