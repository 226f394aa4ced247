# SPDX-License-Identifier: Apache-2.0
"""The API document, against the standard and against the code."""

import inspect
import json

import pytest
from openapi_spec_validator import validate

from volt import exception
from volt.api.openapi import Document
from volt.api.openapi.names import NAMED
from volt.api.routes import ROUTE_DECLARATIONS
from volt.exception import VoltError

DOCUMENT = json.loads(Document(ROUTE_DECLARATIONS).text())
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def test_it_is_a_document_of_openapi():
    validate(DOCUMENT)


def test_it_tells_of_every_route_and_no_other():
    told = {(path, method.upper()) for path, method, _ in OPERATIONS}
    assert told == {
        (path, method)
        for path, methods in ROUTE_DECLARATIONS.items()
        for method in methods
    }


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_name_in_braces_is_described(path, method, operation):
    in_path = [
        one["name"] for one in operation["parameters"] if one["in"] == "path"
    ]
    assert sorted(in_path) == sorted(
        word.split("}")[0] for word in path.split("{")[1:]
    )


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_says_what_it_is_for(path, method, operation):
    assert operation["summary"].endswith((".", ":"))
    assert "500" not in operation["responses"]
    assert len(operation["responses"]) > 1


def test_every_code_that_a_route_may_answer_is_in_it():
    """Those of no route stand in no operation: 404, 405 and 500."""
    errors = {
        kind.code
        for _, kind in inspect.getmembers(exception, inspect.isclass)
        if issubclass(kind, VoltError)
    }
    text = json.dumps(DOCUMENT["paths"])
    missing = {code for code in errors if f"`{code}`" not in text}
    assert missing == {"not_found", "method_not_allowed", "internal"}


@pytest.mark.parametrize("name", NAMED)
def test_what_has_a_name_is_referred_to_by_it(name):
    text = json.dumps(DOCUMENT)
    assert f'#/components/schemas/{name}"' in text
    assert text.count(json.dumps(DOCUMENT["components"]["schemas"][name])) == 1


def test_what_needs_no_token_says_so():
    security = {
        path: operation.get("security") for path, _, operation in OPERATIONS
    }
    assert security["/healthz"] == []
    assert security["/metrics"] == [{}, {"token": []}]
    assert security["/v1/volumes"] is None
    assert DOCUMENT["security"] == [{"token": []}]
