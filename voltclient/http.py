# SPDX-License-Identifier: Apache-2.0
"""Calls of volt's API: JSON over HTTP, tried again where that is safe."""

from __future__ import annotations

import functools
import json
import re
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from voltclient import exceptions
from voltclient.retry import PASSING, Attempt, Retry, until_gone
from voltclient.tokens import Fixed, Tokens
from voltclient.transport import TLS, Answer, Transport

Timeout = float | tuple[float, float]

TIMEOUT = (3.05, 10.0)
"""Seconds to connect (one repeated SYN, after 3 s, gets its chance) and
between two bytes of an answer."""


class HTTPClient:
    """Makes calls of one endpoint, for any number of threads."""

    def __init__(
        self,
        endpoint: str,
        *,
        tokens: Tokens | None = None,
        timeout: Timeout = TIMEOUT,
        headers: Mapping[str, str] | None = None,
        tls: TLS | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.endpoint = base_of(endpoint)
        self._transport = Transport(self.endpoint, tls or TLS())
        self._connect, self._read = (
            timeout if isinstance(timeout, tuple) else (timeout, timeout)
        )
        self._headers = {
            **(headers or {}),
            "Accept": "application/json",
            "User-Agent": "voltclient",
        }
        self._tokens = tokens or Fixed(None)
        self._retry = retry or Retry()
        self._once = Retry(attempts=1, deadline=self._retry.deadline)
        self._away = False

    def call(
        self,
        method: str,
        *path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Any:
        """Return the JSON that ``/v1/<path>`` answers, None if it is empty.

        The parts of the path and the query are quoted here.  ``repeat``
        says that the call may be made again when it is not known whether
        it was carried out.

        After an outage each call has one attempt until volt answers: a
        caller at intervals makes its next attempt anyway.
        """
        url = "/".join([self.endpoint, "v1", *map(_quoted, path)])
        if query:
            url += "?" + urllib.parse.urlencode(query)
        attempt: Attempt[Any] = functools.partial(
            self._exchange, method, url, body
        )
        if method == "DELETE":
            attempt = until_gone(attempt)
        retry = self._once if self._away else self._retry
        try:
            result = retry.run(attempt, repeat)
        except exceptions.BaseException as error:
            self._away = _says_away(error)
            raise
        self._away = False
        return result

    def _exchange(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        left: float,
    ) -> Any:
        """Make the call, once more with another token if that is refused.

        A call with a refused token was not carried out.
        """
        end = time.monotonic() + left
        token = self._tokens.current()
        try:
            return self._send(method, url, body, token, left)
        except exceptions.HTTPUnauthorized:
            fresh = self._tokens.instead_of(token)
            left = end - time.monotonic()
            if fresh is None or left <= 0:
                raise
        return self._send(method, url, body, fresh, left)

    def _send(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        token: str | None,
        left: float,
    ) -> Any:
        headers, raw = self._headers, None
        if token is not None:
            headers = {**headers, "X-Auth-Token": token}
        if body is not None:
            raw = json.dumps(body).encode()
            headers = {**headers, "Content-Type": "application/json"}
        answer = self._transport.send(
            method,
            url,
            raw,
            headers,
            connect=min(self._connect, left),
            read=min(self._read, left),
            total=left,
        )
        payload = _json(url, answer)
        if answer.status >= 300:
            wait = _seconds(answer.headers.get("Retry-After"))
            raise exceptions.from_answer(answer.status, payload, wait)
        return payload


def base_of(endpoint: str) -> str:
    """Return the endpoint without a trailing slash and version."""
    if not _is_url(endpoint):
        raise exceptions.InvalidEndpoint(
            f"{endpoint!r} is not an endpoint; give one like http://host:7447"
        )
    return re.sub(r"/v\d+(\.\d+)?$", "", endpoint.rstrip("/"))


def _is_url(endpoint: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(endpoint)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https")


def _quoted(part: str) -> str:
    if part in ("", ".", ".."):
        # They would vanish from the path, and another call be made.
        raise exceptions.HTTPBadRequest(f"{part!r} is not an identifier")
    return urllib.parse.quote(part, safe="")


def _json(url: str, answer: Answer) -> Any:
    if not answer.body:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        if answer.status >= 300:
            return None
        raise exceptions.CommunicationError(
            f"{url} answered something that is not JSON"
        ) from error


def _seconds(header: str | None) -> float | None:
    """Return the time of a Retry-After; volt sends seconds, never a date."""
    return (
        float(header) if header and re.fullmatch(r"\d{1,6}", header) else None
    )


def _says_away(error: exceptions.BaseException) -> bool:
    if isinstance(error, exceptions.HTTPException):
        return error.code in PASSING
    return isinstance(error, exceptions.CommunicationError)
