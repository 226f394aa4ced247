# SPDX-License-Identifier: Apache-2.0
"""The routes: the whole API is the one table below.

The only module that knows WebOb and Routes: it finds the handler, gives it
a :class:`~volt.call.Call` and sends its answer.
"""

from collections.abc import Callable
from typing import Any

import routes
import webob

from volt import request
from volt.call import Answer, Call, Services
from volt.door.caller import Caller
from volt.exception import MethodNotAllowed, NotFound
from volt.handlers import images, members, root, trees, volumes
from volt.schemas import validate

Handler = Callable[[Call], Answer]

ROUTE_DECLARATIONS: dict[str, dict[str, Handler]] = {
    '/': {'GET': root.list_versions},
    '/v1': {'GET': root.show_version},
    '/v1/': {'GET': root.show_version},
    '/v1/volumes': {'GET': volumes.list_volumes},
    '/v1/volumes/query/{volume_id}': {'GET': volumes.query},
    '/v1/volumes/{volume_id}': {
        'GET': volumes.show_volume,
        'HEAD': volumes.show_volume,
        'DELETE': volumes.delete_volume,
    },
    '/v1/volumes/{volume_id}/{peer_id}': {
        'POST': volumes.register_peer,
        'DELETE': volumes.delete_peer,
    },
    '/v1/trees/{volume_id}': {'GET': trees.show_tree},
    '/v1/members': {'GET': members.list_members},
    '/v1/members/heartbeat': {'PUT': members.heartbeat},
    '/v1/images': {'GET': images.list_images},
    '/v1/images/{image_id}': {
        'GET': images.show_image,
        'PUT': images.put_image,
        'DELETE': images.delete_image,
    },
}


class Router:
    """The WSGI application at the end of the middleware."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._mapper = _make_map()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serve one request."""
        found = self._find(environ)
        handler, route = found.pop('handler'), found.pop('route')
        path = _identifiers(found)
        caller: Caller = environ['volt.caller']
        caller.check(environ['REQUEST_METHOD'], route, path)
        answer = handler(self._call(environ, path, caller))
        return _response(answer)(environ, start_response)

    def _find(self, environ: dict[str, Any]) -> dict[str, Any]:
        """Return handler, route and identifiers still percent-encoded."""
        path, method = request.raw_path(environ), environ['REQUEST_METHOD']
        found: dict[str, Any] | None = self._mapper.match(path, environ)
        if found:
            return found
        allowed = [
            other
            for other in ('GET', 'HEAD', 'PUT', 'POST', 'DELETE')
            if self._mapper.match(path, environ | {'REQUEST_METHOD': other})
        ]
        if allowed:
            raise MethodNotAllowed(method, path, allowed)
        raise NotFound(f"there is no {path} here; see /v1/ for what there is")

    def _call(
        self, environ: dict[str, Any], path: dict[str, str], caller: Caller
    ) -> Call:
        return Call(
            services=self._services,
            path=path,
            parameters=request.parameters(environ),
            body=validate.parse(request.body(environ)),
            remote=environ.get('REMOTE_ADDR', ''),
            trusted=caller.trusted,
            origin=webob.Request(environ).application_url,
        )


def _identifiers(found: dict[str, str]) -> dict[str, str]:
    path = {
        name: request.decoded(value)
        for name, value in found.items()
        if name != 'action'
    }
    validate.identifiers(path)
    return path


def _make_map() -> Any:
    mapper = routes.Mapper(
        controller_scan=None, explicit=True, always_scan=False
    )
    mapper.minimization = False
    for path, methods in ROUTE_DECLARATIONS.items():
        for method, handler in methods.items():
            mapper.connect(
                path,
                handler=handler,
                route=path,
                conditions={'method': [method]},
            )
    mapper.create_regs()
    return mapper


def _response(answer: Answer) -> Any:
    if answer.payload is None:
        response = webob.Response(status=answer.status, charset='UTF-8')
        if answer.status == 204:
            del response.content_type
        return response
    return webob.Response(
        status=answer.status,
        content_type='application/json',
        charset='UTF-8',
        json_body=answer.payload,
    )
