# SPDX-License-Identifier: Apache-2.0
"""Handlers of the API's versions and of its OpenAPI document."""

from __future__ import annotations

from volt.api.call import Answer, Call
from volt.api.handlers.wire import JSON


def list_versions(call: Call) -> Answer:
    """List the versions of the API; the choice is the client's."""
    return Answer({"versions": [_version(call)]})


def show_version(call: Call) -> Answer:
    """Show version 1 of the API."""
    return Answer({"version": _version(call)})


def show_document(call: Call) -> Answer:
    """Show this document, which describes the API for programs."""
    return Answer(call.services.document())


def _version(call: Call) -> JSON:
    return {
        "id": "v1.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": f"{call.origin}/v1/"}],
    }
