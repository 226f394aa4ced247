# SPDX-License-Identifier: Apache-2.0
"""A server that answers what a test tells it to, and keeps what it got."""

import http.server
import json
import threading

import command
import pytest

from voltclient import Client
from voltclient.retry import Retry


class Stub(http.server.ThreadingHTTPServer):
    """``answers`` maps "METHOD path" to a status and a body."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.requests = []
        self.endpoint = f"http://127.0.0.1:{self.server_port}"

    def answer(self, request, payload, status=200, **headers):
        raw = (
            payload
            if isinstance(payload, bytes)
            else json.dumps(payload).encode()
        )
        self.answers[request] = (status, raw, headers)


class Handler(http.server.BaseHTTPRequestHandler):
    """Takes every method."""

    protocol_version = "HTTP/1.1"

    def handle_one(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        request = f"{self.command} {self.path}"
        self.server.requests.append((request, dict(self.headers), body))
        status, raw, headers = self.server.answers[request]
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        for name in headers:
            self.send_header(name, headers[name])
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_PUT = do_POST = do_DELETE = handle_one

    def log_message(self, *_):
        pass


@pytest.fixture
def stub():
    server = Stub()
    thread = threading.Thread(
        target=server.serve_forever, args=(0.01,), daemon=True
    )
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(stub):
    retry = Retry(pause=0.001)
    return Client(stub.endpoint, token="secret", timeout=5, retry=retry)


@pytest.fixture
def volt(stub, monkeypatch, capsys):
    """Run the command against the stub, or as the environment says."""

    def call(*args, **environ):
        environ = {"VOLT_URL": stub.endpoint} | environ
        return command.run(args, environ, monkeypatch, capsys)

    return call
