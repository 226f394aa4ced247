# SPDX-License-Identifier: Apache-2.0
"""Sends one request; every failure is an exception of voltclient.

urllib3, ssl and http.client take long to import on small machines, so they are
imported with the first request: a command's --help does not wait for them.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from voltclient import exceptions

if TYPE_CHECKING:
    import ssl

    import urllib3

LARGEST = 2**28
"""Bytes of an answer that are read; a page of peers has less than 2**20."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class TLS:
    """Certificates to trust and to show; by default, the system's trust."""

    cacert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """Return the TLS context; raises ``SSLConfigurationError``."""
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.cacert)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:
            named = (self.cacert, self.cert_file, self.key_file)
            files = ", ".join(name for name in named if name)
            raise exceptions.SSLConfigurationError(
                f"{files}: {error.strerror or error}; give PEM files that "
                f"can be read"
            ) from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Transport:
    """Connections to one endpoint, kept and used again."""

    def __init__(self, endpoint: str, tls: TLS) -> None:
        self._endpoint = endpoint
        self._tls = tls

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        connect: float,
        read: float,
        total: float,
    ) -> Answer:
        """Return the answer; the times are the longest waits, in seconds."""
        import urllib3

        end = time.monotonic() + total
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=connect, read=read),
                preload_content=False,
            )
            whole = self._body(response, end)
        except urllib3.exceptions.HTTPError as error:
            raise self._failure(error) from error
        return Answer(response.status, response.headers, whole)

    @functools.cached_property
    def _pool(self) -> urllib3.PoolManager:
        """The connections, without proxies: volt knows nodes by address."""
        import urllib3

        secret = urllib3.Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT
        again = urllib3.Retry(
            connect=False,
            read=False,
            status=False,
            other=False,
            redirect=5,
            respect_retry_after_header=False,
            remove_headers_on_redirect=secret | {"X-Auth-Token"},
        )
        https = self._endpoint.startswith("https:")
        context = self._tls.context() if https else None
        # Several threads call at once; each is to keep its connection.
        return urllib3.PoolManager(
            maxsize=8, retries=again, ssl_context=context
        )

    def _body(self, response: urllib3.BaseHTTPResponse, end: float) -> bytes:
        """Return the body, read until ``end`` even if bytes still drip in."""
        parts, size = [], 0
        try:
            while part := response.read1(2**16):
                parts.append(part)
                size += len(part)
                if time.monotonic() > end:
                    raise exceptions.CommunicationError(
                        f"{self._who}: its answer timed out half-way"
                    )
                if size > LARGEST:
                    raise exceptions.CommunicationError(
                        f"{self._who}: its answer is too large"
                    )
        except BaseException:
            response.close()
            raise
        return b"".join(parts)

    @property
    def _who(self) -> str:
        return f"volt at {self._endpoint}"

    def _failure(
        self, error: urllib3.exceptions.HTTPError
    ) -> exceptions.BaseException:
        """Return voltclient's exception for one of urllib3's."""
        from urllib3 import exceptions as theirs

        if isinstance(error, theirs.MaxRetryError) and error.reason:
            error = error.reason  # type: ignore[assignment]
        if isinstance(error, theirs.NameResolutionError):
            return exceptions.UnknownHost(
                f"{self._endpoint}: its host name is unknown"
            )
        if isinstance(error, theirs.LocationValueError):
            return exceptions.InvalidEndpoint(f"{self._endpoint}: {error}")
        if isinstance(error, theirs.SSLError):
            return exceptions.SSLCertificateError(f"{self._endpoint}: {error}")
        if isinstance(error, theirs.ConnectTimeoutError):
            return exceptions.NotReached(
                f"{self._who} does not answer: {_reason(error)}"
            )
        if isinstance(error, theirs.ProtocolError) and not _strange(error):
            return exceptions.ConnectionLost(
                f"{self._who} broke the connection: {_reason(error)}"
            )
        return exceptions.CommunicationError(
            f"{self._who} does not answer as it should: {_reason(error)}"
        )


def _strange(error: Exception) -> bool:
    """Return whether the other end does not speak HTTP."""
    import http.client

    cause = error.args[-1]
    return isinstance(cause, http.client.HTTPException) and not isinstance(
        cause, ConnectionError | http.client.IncompleteRead
    )


def _reason(error: Exception) -> str:
    """Return the system's words, without the objects that they passed."""
    cause = error.__cause__ or error.args[-1]
    if isinstance(cause, TimeoutError) or "timed out" in str(error):
        return "timed out"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause)
