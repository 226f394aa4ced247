# SPDX-License-Identifier: Apache-2.0
"""Clients that stop half way, or vanish, cost others nothing."""

import contextlib
import pathlib
import resource
import socket
import struct

import pytest
from volt_clients import KeptConnection
from volt_process import TOKEN, until

from voltclient import Client

HEAD = (
    b"PUT /v1/members/heartbeat HTTP/1.1\r\nHost: x\r\nX-Auth-Token: "
    + TOKEN.encode()
    + b"\r\n"
)
HALVES = {
    "nothing": b"",
    "half a line": HEAD[:9],
    "half the headers": HEAD,
    "no body": HEAD + b"Content-Length: 100\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 100\r\n\r\n{",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    "a promise": HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
}


def connection_with(port, sent):
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall(sent)
    return connection


def vanish(connection):
    """Reset the connection, as a host does that lost its memory of it."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_halves_of_requests_hold_up_nobody(new_volt, workers):
    volt = new_volt(workers=workers).start()
    client = Client(volt.endpoint, token=TOKEN)
    with contextlib.ExitStack() as stack:
        for sent in [*HALVES.values()] * 20:
            stack.enter_context(connection_with(volt.port, sent))
            vanish(connection_with(volt.port, sent))
            connection_with(volt.port, sent).close()
        for _ in range(20):
            assert client.volumes.list() == []
    assert client.volumes.list() == []
    assert volt.end() == 0
    assert "Traceback" not in volt.log


def test_a_client_that_does_not_read_holds_up_nobody(new_volt):
    volt = new_volt().start()
    client = Client(volt.endpoint, token=TOKEN)
    for number in range(300):
        client.volumes.assign(
            "v" * 200, f"n{number}", "3260", "iqn.2026-01.x:v", "1"
        )
    get = b"GET /v1/volumes/%s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\n\r\n"
    asked = get % (b"v" * 200, TOKEN.encode()) * 200
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            deaf = stack.enter_context(contextlib.closing(socket.socket()))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", volt.port))
            deaf.sendall(asked)
        for _ in range(20):
            assert len(client.volumes.list()) == 1


def test_a_lack_of_descriptors_passes(new_volt):
    """Eventlet alone would end the server with the first failed accept."""
    volt = new_volt().start()
    assert KeptConnection(volt.port).get() == 200
    pid = volt.process.pid
    used = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, before[1]))
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connection_with(volt.port, b""))
        volt.logged("cannot accept connections")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    until(lambda: KeptConnection(volt.port).get() == 200, "it serves again")
    assert volt.end() == 0
