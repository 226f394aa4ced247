# SPDX-License-Identifier: Apache-2.0
"""The API document: OpenAPI 3.1, made of the table of routes.

What it says about requests is what they are held against, and its words are
those of the handlers and of the errors, so it cannot lag behind them.
"""

import functools
import http
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from volt import exception
from volt.door.middleware import METRICS, OPEN
from volt.exception import VoltError
from volt.route import Route, Table
from volt.schemas import images, members, root, trees, volumes
from volt.schemas.common import (
    IDENTIFIERS,
    LABEL,
    LUN,
    PEER_ID,
    PORT,
    VOLUME_ID,
    Schema,
    kind,
)

JSON = dict[str, Any]

NAMED: dict[str, Schema] = {
    'Label': LABEL,
    'VolumeId': VOLUME_ID,
    'PeerId': PEER_ID,
    'Port': PORT,
    'Lun': LUN,
    'Error': root.ERROR,
    'Peer': volumes.PEER,
    'Source': volumes.SOURCE,
    'Assignment': volumes.ASSIGNMENT,
    'Image': images.TOLD,
    'Tree': trees.TREE,
    'Members': members.MEMBERS,
}
"""Schemas that have a name in the document, and stand there once."""

DESCRIPTION = """
Tells each compute node from which nodes it reads an image.  Bodies are JSON,
whatever their Content-Type says, and a GET may have one; what nobody knows in
a body or a query is ignored.  Bodies have 64 KiB at most.
"""
REQUEST_ID: JSON = {
    'x-openstack-request-id': {
        'description': "Finds the request in the log.",
        'schema': {'type': 'string', 'pattern': '^req-[0-9a-f-]{36}$'},
    }
}


class Document:
    """Made when it is first asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def text(self) -> bytes:
        """Return it as JSON."""
        return self._text

    @functools.cached_property
    def _text(self) -> bytes:
        return json.dumps(document(self._table)).encode()


def document(table: Table) -> JSON:
    """Return the document that describes these routes."""
    names = {id(schema): name for name, schema in NAMED.items()}
    paths = {
        path: {
            method.lower(): _operation(path, method, route)
            for method, route in table[path].items()
        }
        for path in table
    }
    return {
        'openapi': '3.1.0',
        'info': {
            'title': "volt, the coordinator of VMThunder",
            'version': '1.0',
            'description': DESCRIPTION.strip(),
            'license': {'name': 'Apache-2.0', 'identifier': 'Apache-2.0'},
        },
        'servers': [{'url': '/'}],
        'security': [{'token': []}],
        'paths': _referring(paths, names),
        'components': {
            'schemas': {
                name: {
                    key: _referring(value, names)
                    for key, value in schema.items()
                }
                for name, schema in NAMED.items()
            },
            'securitySchemes': {
                'token': {
                    'type': 'apiKey',
                    'in': 'header',
                    'name': 'X-Auth-Token',
                }
            },
        },
    }


def _operation(path: str, method: str, route: Route) -> JSON:
    told = inspect.getdoc(route.handler) or ''
    summary, _, description = told.partition('\n')
    found: JSON = {
        'tags': [route.handler.__module__.rpartition('.')[2]],
        'summary': summary,
        'parameters': [*_identifiers(path), *_parameters(route.query)],
        'responses': _responses(path, method, route),
    }
    if description:
        found['description'] = description.strip()
    if path in OPEN:
        found['security'] = []
    elif path == METRICS:
        # The operator says for whom.
        found['security'] = [{}, {'token': []}]
    if route.body is not None:
        found['requestBody'] = {
            'required': 'required' in route.body,
            'content': _json(route.body),
        }
    return found


def _identifiers(path: str) -> Iterator[JSON]:
    for name, schema in IDENTIFIERS.items():
        if f'{{{name}}}' in path:
            yield {
                'name': name,
                'in': 'path',
                'required': True,
                'schema': schema,
            }


def _parameters(query: Schema) -> Iterator[JSON]:
    for name, schema in query['properties'].items():
        yield {
            'name': name,
            'in': 'query',
            'required': name in query.get('required', ()),
            'schema': schema,
            'description': schema.get('description', schema.get('title')),
        }


def _responses(path: str, method: str, route: Route) -> JSON:
    told: JSON = {
        'description': http.HTTPStatus(route.status).phrase,
        'headers': REQUEST_ID,
    }
    if route.answer is not None and method != 'HEAD':
        told['content'] = {route.content_type: {'schema': route.answer}}
    return {str(route.status): told} | _errors(_possible(path, route), method)


def _possible(path: str, route: Route) -> Iterator[type[VoltError]]:
    """Yield what a request to this route may be told."""
    yield from route.errors
    yield from (
        exception.BadRequest,
        exception.MalformedJSON,
        exception.TooLarge,
        exception.Unavailable,
    )
    if '{' in path or route.query['properties']:
        yield exception.InvalidPath
    if route.body is not None:
        yield exception.InvalidBody
    if path not in OPEN:
        yield from (exception.Unauthorized, exception.Forbidden)


def _errors(possible: Iterable[type[VoltError]], method: str) -> JSON:
    by_status: dict[int, list[type[VoltError]]] = {}
    for error in possible:
        by_status.setdefault(error.status, []).append(error)
    return {
        str(status): _error(by_status[status], method)
        for status in sorted(by_status)
    }


def _error(errors: list[type[VoltError]], method: str) -> JSON:
    codes = sorted(error.code for error in errors)
    texts = [f'`{one.code}`: {inspect.getdoc(one)}' for one in errors]
    told: JSON = {
        'description': '\n\n'.join(sorted(texts)),
        'headers': REQUEST_ID | _headers(errors),
    }
    if method != 'HEAD':
        code = {'properties': {'code': {'enum': codes}}}
        exact = {'properties': {'error': code}}
        told['content'] = _json({'allOf': [root.ERROR, exact]})
    return told


def _headers(errors: list[type[VoltError]]) -> JSON:
    names = {name for error in errors for name, _ in error.headers}
    return {name: {'schema': kind('string', name)} for name in sorted(names)}


def _json(schema: Schema) -> JSON:
    return {'application/json': {'schema': schema}}


def _referring(value: Any, names: Mapping[int, str]) -> Any:
    """Return the same with references in the place of what has a name."""
    if isinstance(value, list):
        return [_referring(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    if id(value) in names:
        return {'$ref': f'#/components/schemas/{names[id(value)]}'}
    return {key: _referring(one, names) for key, one in value.items()}
