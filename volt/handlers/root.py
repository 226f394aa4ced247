# SPDX-License-Identifier: Apache-2.0
"""The versions of the API."""

from volt.call import Answer, Call
from volt.handlers.wire import JSON


def list_versions(call: Call) -> Answer:
    """Say which versions there are; the choice is the client's."""
    return Answer({'versions': [_version(call)]}, status=300)


def show_version(call: Call) -> Answer:
    """Describe version 1."""
    return Answer({'version': _version(call)})


def _version(call: Call) -> JSON:
    return {
        'id': 'v1.0',
        'status': 'CURRENT',
        'links': [{'rel': 'self', 'href': f'{call.origin}/v1/'}],
    }
