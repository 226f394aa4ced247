# SPDX-License-Identifier: Apache-2.0
"""Nobody who asks without a pause keeps the others waiting."""

import socket

from volt_process import TOKEN

ASKED = 2_000
REQUEST = (
    f"GET /v1/ HTTP/1.1\r\nHost: volt\r\nX-Auth-Token: {TOKEN}\r\n\r\n"
).encode()


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port), 60)
    # Served once: accepted, and waiting for more.
    connection.sendall(REQUEST)
    assert b"200 OK" in connection.recv(65536)
    return connection


def at_hand(connection):
    """Return what has arrived, without waiting for more."""
    connection.setblocking(False)
    parts = []
    try:
        while part := connection.recv(1 << 20):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts)


def test_one_request_is_not_behind_all_those_of_another(volt):
    with connected(volt.port) as greedy, connected(volt.port) as modest:
        greedy.sendall(REQUEST * ASKED)
        answered = greedy.recv(65536)  # it is its turn now
        modest.sendall(REQUEST)
        assert b"200 OK" in modest.recv(65536)
        answered += at_hand(greedy)
        assert 0 < answered.count(b"200 OK") < ASKED
