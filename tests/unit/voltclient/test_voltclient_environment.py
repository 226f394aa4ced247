# SPDX-License-Identifier: Apache-2.0
"""A client as the environment says, and the pages that tell how."""

import pathlib

import pytest

from voltclient import Client, commands, environment, exceptions
from voltclient.application import Application
from voltclient.environment import truth

PAGES = pathlib.Path(__file__).parents[3] / "doc" / "source"
NAMES = sorted(
    name
    for names in vars(environment).values()
    if isinstance(names, tuple)
    for name in names
)
OPTIONS = sorted(
    option
    for action in Application({}).parser._actions
    for option in action.option_strings
)


def test_a_client_as_the_environment_says(stub):
    stub.answer("GET /v1/volumes", [])
    environ = {"OS_VOLT_URL": f"{stub.endpoint}/v1/", "OS_TOKEN": "t"}
    client = Client.from_environment(environ=environ)
    assert client.volumes.list() == []
    assert stub.requests[0][1]["X-Auth-Token"] == "t"


def test_what_is_given_wins(stub):
    stub.answer("GET /v1/volumes", [])
    environ = {"VOLT_URL": "http://nosuch.invalid", "VOLT_TOKEN": "t"}
    client = Client.from_environment(
        stub.endpoint, token="given", environ=environ
    )
    assert client.volumes.list() == []
    assert stub.requests[0][1]["X-Auth-Token"] == "given"


def test_the_constructor_never_looks_there(stub, monkeypatch):
    stub.answer("GET /v1/volumes", [])
    for name in NAMES:
        monkeypatch.setenv(name, "/nonsense")
    assert Client(stub.endpoint).volumes.list() == []
    assert "X-Auth-Token" not in stub.requests[0][1]


def test_a_deadline_of_the_environment_holds_for_all_attempts():
    client = Client.from_environment(environ={"VOLT_TIMEOUT": "0.01"})
    assert client.http_client._retry.deadline == 0.01
    client = Client.from_environment(within=5, environ={"VOLT_TIMEOUT": "1"})
    assert client.http_client._retry.deadline == 5


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1", True),
        ("True", True),
        ("on", True),
        ("YES", True),
        ("0", False),
        ("no", False),
        ("", False),
    ],
)
def test_yes_and_no(said, meant):
    assert truth({"VOLT_INSECURE": said}, environment.INSECURE) is meant


def test_what_is_neither_is_refused():
    with pytest.raises(exceptions.CommandError, match="say 1 or 0"):
        truth({"VOLT_INSECURE": "2"}, environment.INSECURE)


@pytest.mark.parametrize("name", [*NAMES, *commands.TABLE])
def test_the_page_of_the_command_tells_it(name):
    assert len(NAMES) > 10
    text = (PAGES / "volt-cli.rst").read_text()
    assert f"``{name}``" in text or f"volt {name}" in text


@pytest.mark.parametrize("option", OPTIONS)
def test_the_page_tells_the_option(option):
    # Those that cliff brings for all commands are in --help alone.
    if option in ("--verbose", "-q", "--quiet", "--log-file", "-h"):
        assert option in Application({}).parser.format_help()
        return
    assert f"``{option}" in (PAGES / "volt-cli.rst").read_text()
