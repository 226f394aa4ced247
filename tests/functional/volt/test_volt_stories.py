# SPDX-License-Identifier: Apache-2.0
"""Each file in gabbits/ is a story about the API, told to it in process.

Every story is told on every kind of database.

``X-From`` says from which address a request comes.  token.yaml meets a
volt with a token, all others one without.
"""

import pathlib
import unittest
import uuid

import httpx
import pytest
from gabbi import handlers, suitemaker, utils

from volt import compose, conf

GABBITS = pathlib.Path(__file__).parent / "gabbits"
STORIES = sorted(path.name for path in GABBITS.glob("*.yaml"))


def application(tmp_path, story, database):
    (tmp_path / "token").write_text("a-secret-of-some-length")
    (tmp_path / "token").chmod(0o600)
    path = tmp_path / "volt.conf"
    path.write_text(
        f"[DEFAULT]\n"
        f"auth_strategy = {'token' if story == 'token.yaml' else 'noauth'}\n"
        f"token_file = {tmp_path}/token\n"
        "noauth_anywhere = true\n"
        f"[database]\nconnection = {database.url}\n"
    )
    options = conf.new()
    conf.load(options, [f"--config-file={path}"])
    served = compose.compose(options).application

    def from_somewhere(environ, start):
        environ["REMOTE_ADDR"] = environ.get("HTTP_X_FROM", "127.0.0.1")
        return served(environ, start)

    return from_somewhere


class Transport(httpx.WSGITransport):
    """Hands over the path as it came, as WSGI servers do.

    httpx decodes it, beyond the characters that WSGI allows.
    """

    def __init__(self, app, *more, **options):
        super().__init__(self.serve, *more, **options)
        self.served = app

    def serve(self, environ, start):
        return self.served(environ | {"RAW_URI": self.raw}, start)

    def handle_request(self, request):
        self.raw = request.url.raw_path.decode("ascii")
        return super().handle_request(request)


@pytest.fixture
def transport(monkeypatch):
    monkeypatch.setattr(httpx, "WSGITransport", Transport)


@pytest.mark.usefixtures("transport")
@pytest.mark.parametrize("story", STORIES)
def test_story(tmp_path, story, database):
    served = application(tmp_path, story, database)
    suite = suitemaker.test_suite_from_dict(
        unittest.TestLoader(),
        pathlib.Path(story).stem,
        utils.load_yaml(yaml_file=str(GABBITS / story)),
        str(GABBITS),
        str(uuid.uuid4()),
        8001,
        None,
        lambda: served,
        handlers=[make() for make in handlers.RESPONSE_HANDLERS],
        test_loader_name="volt",
    )
    result = unittest.TestResult()
    suite.run(result)
    told = [
        f"{test}\n{text}" for test, text in result.failures + result.errors
    ]
    assert not told, "\n".join(told)
    assert result.testsRun >= len(suite._tests) > 0
