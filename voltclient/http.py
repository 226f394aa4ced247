# SPDX-License-Identifier: Apache-2.0
"""JSON over HTTP, with every failure as one of our exceptions.

requests takes long to import on small machines, so it is imported with the
first call: a command that only prints its help does not wait for it.
"""

import functools
import re
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voltclient import exceptions

if TYPE_CHECKING:
    import requests

Timeout = float | tuple[float, float]

TIMEOUT = (3.05, 10.0)
"""Seconds to connect (one repeated SYN, after 3 s, gets its chance) and
between two bytes of an answer."""


class HTTPClient:
    """One endpoint; connections are kept and used again."""

    def __init__(
        self,
        endpoint: str,
        *,
        token: str | None = None,
        timeout: Timeout = TIMEOUT,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        certificate: str | tuple[str, str] | None = None,
    ) -> None:
        self.endpoint = base_of(endpoint)
        self._timeout = timeout
        self._headers = dict(headers or {}, Accept='application/json')
        if token:
            self._headers['X-Auth-Token'] = token
        self._verify = verify
        self._certificate = certificate

    def call(
        self,
        method: str,
        *path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON that ``/v1/<path>`` answers, None if it is empty.

        The parts of the path and the query are quoted here.
        """
        url = '/'.join([self.endpoint, 'v1', *map(_quoted, path)])
        response = self._send(method, url, json=body, params=query)
        told = _json(response)
        if response.status_code >= 300:
            raise exceptions.from_answer(response.status_code, told)
        return told

    @functools.cached_property
    def _session(self) -> 'requests.Session':
        import requests

        session = requests.Session()
        # volt knows a node by its address; behind a proxy of the
        # environment all nodes would be one.
        session.trust_env = False
        session.headers.update(self._headers)
        session.verify = self._verify
        session.cert = self._certificate
        return session

    def _send(self, method: str, url: str, **more: Any) -> 'requests.Response':
        from requests import exceptions as errors

        try:
            return self._session.request(
                method, url, timeout=self._timeout, **more
            )
        except errors.SSLError as error:
            raise exceptions.SSLCertificateError(f"{url}: {error}") from error
        except (errors.InvalidURL, errors.InvalidSchema) as error:
            raise exceptions.InvalidEndpoint(f"{url}: {error}") from error
        except errors.RequestException as error:
            if 'NameResolutionError' in repr(error):
                raise exceptions.InvalidEndpoint(
                    f"{self.endpoint}: its host name is unknown"
                ) from error
            raise exceptions.CommunicationError(
                f"volt at {self.endpoint} does not answer: {error}"
            ) from error
        except OSError as error:
            # requests says so for a certificate file that is not there.
            raise exceptions.SSLConfigurationError(str(error)) from error


def base_of(endpoint: str) -> str:
    """Return the endpoint without a trailing slash and version."""
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in ('http', 'https') or not parts.netloc:
        raise exceptions.InvalidEndpoint(
            f"{endpoint!r} is no endpoint; it looks like http://host:7447"
        )
    return re.sub(r'/v\d+(\.\d+)?$', '', endpoint.rstrip('/'))


def _quoted(part: str) -> str:
    if part in ('', '.', '..'):
        # They would vanish from the path, and another call be made.
        raise exceptions.HTTPBadRequest(f"{part!r} is no identifier")
    return urllib.parse.quote(part, safe='')


def _json(response: 'requests.Response') -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        if response.status_code >= 300:
            return None
        raise exceptions.CommunicationError(
            f"{response.url} answered something that is not JSON"
        ) from error
