# SPDX-License-Identifier: Apache-2.0
"""Nova's own API on a port of the loopback, for clients in other processes.

Runs in Nova's environment, like the stories: api, conductor, scheduler and
two computes with our driver are the real ones, and casts are casts.  Ends when
its standard input does.  Keystone and Glance are the few answers that a client
needs of them; who asks Nova is told by the token, as keystonemiddleware would.
"""

import contextlib
import json
import os
import pathlib
import sys
import threading
import urllib.parse
from wsgiref import simple_server

import fixtures
import nova.virt
from instance_cloud import Cloud
from nova.tests.fixtures import CellDatabases

PASSWORD = os.environ["BURST_TEST_PASSWORD"]
ROOT = pathlib.Path(__file__).parents[4]
TARGET = pathlib.Path(os.environ["BURST_TEST_PORT"])
ROLES = {"admin": "reader,member,admin", "alice": "reader,member"}
IMAGE = {
    "id": "cafecafe-2222-4333-8444-555555555555",
    "name": "debian 12",
    "status": "active",
    "container_format": "bare",
    "disk_format": "raw",
    "min_disk": 2,
    "size": 74185822,
    "properties": {},
}


# Our driver is not installed here: others may just install or remove it.
nova.virt.__path__.insert(0, str(ROOT / "packaging/nova/src/nova/virt"))


class Front:
    """Keystone, Glance and, behind a token, Nova: one WSGI application."""

    def __init__(self, nova):
        self._nova = nova
        self.port = 0
        self.lists = 0

    def __call__(self, environ, start_response):
        service, _, path = environ["PATH_INFO"][1:].partition("/")
        environ["PATH_INFO"] = f"/{path}"
        environ["SCRIPT_NAME"] = f"/{service}"
        if service == "compute":
            return self._compute(environ, start_response)
        query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""))
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = json.loads(environ["wsgi.input"].read(size) or "null")
        status, headers, answer = getattr(self, service)(path, query, body)
        headers.append(("Content-Type", "application/json"))
        start_response(status, headers)
        return [json.dumps(answer).encode()]

    def _compute(self, environ, start_response):
        user = environ.get("HTTP_X_AUTH_TOKEN", "").removeprefix("token-")
        if user not in ROLES:
            start_response("401 Unauthorized", [])
            return [b""]
        if environ["PATH_INFO"].endswith("/servers/detail"):
            self.lists += 1
        environ["HTTP_X_AUTH_USER"] = user
        environ["HTTP_X_AUTH_PROJECT_ID"] = f"project-{user}"
        environ["HTTP_X_ROLES"] = ROLES[user]
        return self._nova(environ, start_response)

    def lists_made(self, path, query, body):
        return "200 OK", [], self.lists

    def identity(self, path, query, body):
        url = f"http://127.0.0.1:{self.port}"
        if body is None:
            links = [{"rel": "self", "href": f"{url}/identity/v3"}]
            version = {"id": "v3.14", "status": "stable", "links": links}
            return "200 OK", [], {"version": version}
        user = body["auth"]["identity"]["password"]["user"]
        if user["password"] != PASSWORD:
            message = "The request you have made requires authentication."
            error = {"code": 401, "message": message}
            return "401 Unauthorized", [], {"error": error}
        catalog = [
            self._service("compute", f"{url}/compute/v2.1"),
            self._service("image", f"{url}/image"),
        ]
        token = {
            "methods": ["password"],
            "user": {"id": user["name"], "name": user["name"]},
            "project": {"id": f"project-{user['name']}"},
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "catalog": catalog,
        }
        subject = [("X-Subject-Token", f"token-{user['name']}")]
        return "201 Created", subject, {"token": token}

    @staticmethod
    def _service(kind, url):
        place = {"interface": "public", "url": url, "region": "RegionOne"}
        return {"type": kind, "name": kind, "endpoints": [place]}

    def image(self, path, query, body):
        if path != "v2/images":
            url = f"http://127.0.0.1:{self.port}/image/v2/"
            links = [{"rel": "self", "href": url}]
            version = {"id": "v2.9", "status": "CURRENT", "links": links}
            return "300 Multiple Choices", [], {"versions": [version]}
        [(key, [value])] = query.items()
        found = [IMAGE] if IMAGE[key] == value else []
        return "200 OK", [], {"images": found}


class Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def target_cell(databases, context, cell):
    """Let the context say which cell is meant, as outside of tests.

    Nova's fixture also switches what code without a context gets, under a
    lock; with casts that are casts it meets the lock of its DatabaseWriteLock
    the other way round (40 servers at once: seen to hang two times of three).
    """
    with databases._real_target_cell(context, cell) as targeted:
        yield targeted


class Served(Cloud):
    CAST_AS_CALL = False

    def setUp(self):
        self.useFixture(
            fixtures.MockPatchObject(
                CellDatabases, "_wrap_target_cell", target_cell
            )
        )
        # The reason of a failed build is told, not that no host is left.
        self.flags(max_attempts=1, group="scheduler")
        super().setUp()

    def test_serve(self):
        self.start("compute1", "compute2")
        self.glance.create(None, dict(IMAGE))
        front = Front(self.api_fixture.app())
        server = simple_server.make_server(
            "127.0.0.1", 0, front, handler_class=Quiet
        )
        front.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        TARGET.write_text(str(front.port))
        sys.stdin.read()
        server.shutdown()
        server.server_close()
