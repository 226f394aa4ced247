# SPDX-License-Identifier: Apache-2.0
"""A client of the original protocol, by the wire alone."""

import http.client
import json
import socket

import pytest
from volt_process import TOKEN


class Wire:
    """Sends what it is told and returns status, headers and JSON."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, 10)

    def __call__(self, method, path, body=None):
        self._connection.request(
            method, path, body, headers={"X-Auth-Token": TOKEN}
        )
        answer = self._connection.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if raw else None


@pytest.fixture
def wire(volt):
    return Wire(volt.port)


def test_its_day_from_query_to_removal(wire):
    me = "127.0.0.1:volume-old"
    assert wire("GET", "/v1/volumes") == (200, [])
    told = wire("GET", "/v1/volumes/query/volume-old", "{}")
    assert told == (200, {"peer_id": me, "parents": []})
    address = {
        "host": "127.0.0.1",
        "port": "3260",
        "iqn": "iqn.2026-01.x:v",
        "lun": "1",
    }
    told = wire("POST", f"/v1/volumes/volume-old/{me}", json.dumps(address))
    assert told == (200, address | {"status": "OK", "peer_id": me})
    told = wire("PUT", "/v1/members/heartbeat", "{}")
    assert told == (200, [{"peer_id": me, "parents": []}])
    told = wire("DELETE", f"/v1/volumes/volume-old/{me}")
    assert told == (200, None)
    assert wire("GET", "/v1/volumes") == (200, [])


def raw(port, request):
    """Send bytes as they are; return the status and all that comes back."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer


HEADERS = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Auth-Token: "
HEADERS += TOKEN.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("line", "rest", "status"),
    [
        (b"GET /v1/volumes/%ff", b"\r\n", 400),
        (b"GET /v1/volumes/%00", b"\r\n", 400),
        (b"GET /v1/volumes/\xff\xfe", b"\r\n", 400),
        (b"GET /v1/volumes/query/%C3%A4%2F", b"\r\n", 200),
        (b"DELETE /v1/volumes/v?force=%ff", b"\r\n", 400),
        (b"PUT /v1/members/heartbeat", b"Content-Length: x\r\n\r\n", 400),
        (b"PUT /v1/members/heartbeat", b"Content-Length: -1\r\n\r\n", 400),
        (b"PUT /v1/members/heartbeat", b"Content-Length: 2\r\n\r\n\xff{", 400),
        (
            b"PUT /v1/members/heartbeat",
            b"Content-Length: 99999999999\r\n\r\n",
            413,
        ),
        (
            b"PUT /v1/members/heartbeat",
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            200,
        ),
        (
            b"PUT /v1/members/heartbeat",
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
        ),
        (b"PUT /v1/members/heartbeat", b"Content-Length: 9\r\n\r\n{}", 400),
        (b"BREW /v1/volumes", b"\r\n", 405),
    ],
    ids=range(13),
)
def test_odd_bytes_get_a_clear_answer(volt, line, rest, status):
    told, answer = raw(volt.port, line + HEADERS + rest)
    assert told == status, answer


def test_odd_tokens_are_refused(volt):
    headers = b"GET /v1/volumes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    told, _ = raw(volt.port, headers + b"X-Auth-Token: \xff\xe4\r\n\r\n")
    assert told == 401
