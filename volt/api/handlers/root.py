# SPDX-License-Identifier: Apache-2.0
"""The versions of the API, and its description."""

from volt.api.call import Answer, Call
from volt.api.handlers.wire import JSON


def list_versions(call: Call) -> Answer:
    """Say which versions there are; the choice is the client's."""
    return Answer({"versions": [_version(call)]})


def show_version(call: Call) -> Answer:
    """Describe version 1."""
    return Answer({"version": _version(call)})


def show_document(call: Call) -> Answer:
    """Describe the API for programs: this document."""
    return Answer(call.services.document())


def _version(call: Call) -> JSON:
    return {
        "id": "v1.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": f"{call.origin}/v1/"}],
    }
