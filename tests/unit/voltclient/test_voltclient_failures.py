# SPDX-License-Identifier: Apache-2.0
"""Every failure is one of the documented exceptions."""

import socket

import pytest

from voltclient import Client, exceptions
from voltclient.http import base_of


@pytest.mark.parametrize(
    ("status", "raised", "family"),
    [
        (300, "HTTPMultipleChoices", "HTTPException"),
        (400, "HTTPBadRequest", "BadRequest"),
        (401, "HTTPUnauthorized", "Unauthorized"),
        (403, "HTTPForbidden", "Forbidden"),
        (404, "HTTPNotFound", "NotFound"),
        (405, "HTTPMethodNotAllowed", "HTTPException"),
        (409, "HTTPConflict", "Conflict"),
        (413, "HTTPOverLimit", "OverLimit"),
        (500, "HTTPInternalServerError", "HTTPException"),
        (501, "HTTPNotImplemented", "HTTPException"),
        (502, "HTTPBadGateway", "HTTPException"),
        (503, "HTTPServiceUnavailable", "ServiceUnavailable"),
        (418, "HTTPException", "BaseException"),
    ],
)
def test_each_status_has_its_exception(stub, client, status, raised, family):
    error = {"code": "word", "message": "why", "request_id": "req-1"}
    stub.answer("GET /v1/volumes", {"error": error}, status)
    with pytest.raises(getattr(exceptions, family)) as failed:
        client.volumes.list()
    assert type(failed.value).__name__ == raised
    assert failed.value.code == status
    assert failed.value.details == "why"
    assert failed.value.error_code == "word"
    assert str(failed.value) == f"why (HTTP {status}, req-1)"


@pytest.mark.parametrize("page", [b"<html>", b"", b"[]", b'{"error": 1}'])
def test_an_error_that_is_not_volts_still_has_its_exception(
    stub, client, page
):
    stub.answer("GET /v1/volumes", page, 502)
    with pytest.raises(exceptions.HTTPBadGateway) as failed:
        client.volumes.list()
    assert failed.value.details == "HTTPBadGateway"


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(
            exceptions.CommunicationError, match=r"127\.0\.0\.1"
        ):
            Client(endpoint).volumes.list()


def test_somebody_listens_and_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(
            f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2
        )
        with pytest.raises(exceptions.CommunicationError, match="timed out"):
            client.volumes.list()


def test_a_host_name_that_is_unknown():
    with pytest.raises(exceptions.InvalidEndpoint, match="unknown"):
        Client("http://nosuch.invalid:7447").volumes.list()


def test_a_certificate_file_that_is_not_there(tmp_path):
    client = Client("https://127.0.0.1:1", cacert=f"{tmp_path}/none.pem")
    with pytest.raises(exceptions.SSLConfigurationError, match=r"none\.pem"):
        client.volumes.list()


def test_a_server_that_does_not_speak_tls(stub):
    client = Client(stub.endpoint.replace("http:", "https:"), timeout=5)
    with pytest.raises(exceptions.SSLCertificateError):
        client.volumes.list()


@pytest.mark.parametrize(
    "endpoint", ["", "host:7447", "10.0.0.1", "ftp://host", "http://"]
)
def test_what_is_no_endpoint_is_refused_at_once(endpoint):
    with pytest.raises(exceptions.InvalidEndpoint, match="http://host:7447"):
        Client(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1.1/"],
)
def test_slash_and_version_are_no_part_of_the_endpoint(endpoint):
    assert base_of(endpoint) == "http://h:1"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_identifier_that_would_vanish_is_never_sent(stub, client, name):
    with pytest.raises(exceptions.HTTPBadRequest):
        client.volumes.logout("v", name) if name else client.images.get(name)
    assert stub.requests == []


def test_a_proxy_of_the_environment_is_not_used(stub, client, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    stub.answer("GET /v1/volumes", [])
    assert client.volumes.list() == []
