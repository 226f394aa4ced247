# SPDX-License-Identifier: Apache-2.0
"""The API document is true: schemathesis asks for what it allows, and more.

Once in process, against every route by itself, and once against a running
volt-api, where it goes from answer to answer, too.
"""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from volt_process import TOKEN, write_conf

from volt import compose, conf
from volt.api.routes import ROUTE_DECLARATIONS

CONFIG = pathlib.Path(__file__).parent / "schemathesis.toml"
ROUTES = [
    (path, method)
    for path, methods in ROUTE_DECLARATIONS.items()
    for method in methods
    # schemathesis passes over the place it has the document from.
    if path != "/openapi.json"
]
TAKING = [
    (path, method)
    for path, method in ROUTES
    if "{" in path
    or ROUTE_DECLARATIONS[path][method].query["properties"]
    or ROUTE_DECLARATIONS[path][method].body
]
HEADERS = {"X-Auth-Token": TOKEN}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """What schemathesis makes of the document of a volt in process."""
    folder = tmp_path_factory.mktemp("volt")
    options = conf.new()
    conf.load(options, [f"--config-file={write_conf(folder, 7447)}"])
    served = compose.compose(options).application

    def from_a_host(environ, start):
        environ["REMOTE_ADDR"] = "192.0.2.1"
        return served(environ, start)

    # Of its configuration that alone which is for all routes: 400 is not right
    # for each POST.
    checks = tomllib.loads(CONFIG.read_text())["checks"]
    return schemathesis.openapi.from_wsgi(
        "/openapi.json",
        from_a_host,
        config=SchemathesisConfig.from_dict({"checks": checks}),
    )


def ask_for(document, path, method, mode):
    """Ask one route for many things; all checks are on."""

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        # What is drawn is the same in every run; --hypothesis-seed draws
        # other things where this is taken out.
        derandomize=True,
        suppress_health_check=[*HealthCheck],
    )
    @given(case=document[path][method].as_strategy(generation_mode=mode))
    def ask(case):
        answer = case.call(headers=HEADERS)
        # The original's word for: all is well, try again.
        if b'"no_slot"' not in answer.content:
            case.validate_response(answer, headers=HEADERS)

    ask()


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_what_the_document_allows_is_done(document, path, method):
    ask_for(document, path, method, GenerationMode.POSITIVE)


@pytest.mark.parametrize(("path", "method"), TAKING)
def test_what_the_document_does_not_allow_is_refused(document, path, method):
    ask_for(document, path, method, GenerationMode.NEGATIVE)


def test_a_running_volt_is_what_its_document_says(new_volt, tmp_path):
    volt = new_volt().start()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(CONFIG)),
            *("run", f"{volt.endpoint}/openapi.json"),
            *("--header", f"X-Auth-Token: {TOKEN}"),
            *("--max-examples", "10", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 500
    assert "Traceback" not in volt.log
