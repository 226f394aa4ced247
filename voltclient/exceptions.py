# SPDX-License-Identifier: Apache-2.0
"""The exceptions that a call can raise.

The names are those of the original client, two for most HTTP codes: the
short one is the family, the ``HTTP`` one is what is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BaseException(Exception):
    """Base of all exceptions of the client."""


class CommandError(BaseException):
    """A command line that cannot be carried out."""


class InvalidEndpoint(BaseException):
    """The endpoint is not a URL, or its host name is unknown."""


class UnknownHost(InvalidEndpoint):
    """The host name does not exist, or no name server answered."""


class CommunicationError(BaseException):
    """No answer came in time, or one not in the protocol of volt."""


class NotReached(CommunicationError):
    """No connection came about: the request was not carried out."""


class ConnectionLost(CommunicationError):
    """The connection broke: the request may have been carried out."""


class TokenUnavailable(CommunicationError):
    """The source of tokens gives no token: the call was not made."""


class SSLConfigurationError(BaseException):
    """The given certificates cannot be used."""


class SSLCertificateError(BaseException):
    """The server's certificate is not to be trusted."""


class HTTPException(BaseException):
    """An answer with an error.

    ``code`` is the HTTP status, ``details`` says what happened,
    ``error_code`` is volt's stable word for it, ``request_id`` finds it in
    volt's log, ``retry_after`` is when to try again, in seconds from now.
    """

    code: int | str = "N/A"

    def __init__(
        self,
        details: str | None = None,
        error_code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(details)
        self.details = details or self.__class__.__name__
        self.error_code = error_code
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Return the details, the status and the id of the request."""
        where = f", {self.request_id}" if self.request_id else ""
        return f"{self.details} (HTTP {self.code}{where})"


class HTTPMultipleChoices(HTTPException):
    """300."""

    code = 300


class BadRequest(HTTPException):
    """400."""

    code = 400


class HTTPBadRequest(BadRequest):
    """400: volt does not understand the request."""


class Unauthorized(HTTPException):
    """401."""

    code = 401


class HTTPUnauthorized(Unauthorized):
    """401: the token is missing or wrong."""


class Forbidden(HTTPException):
    """403."""

    code = 403


class HTTPForbidden(Forbidden):
    """403: the token does not allow this."""


class NotFound(HTTPException):
    """404."""

    code = 404


class HTTPNotFound(NotFound):
    """404: no such volume, peer or image."""


class HTTPMethodNotAllowed(HTTPException):
    """405."""

    code = 405


class Conflict(HTTPException):
    """409."""

    code = 409


class HTTPConflict(Conflict):
    """409: it contradicts what volt knows."""


class OverLimit(HTTPException):
    """413."""

    code = 413


class HTTPOverLimit(OverLimit):
    """413: the request is too large."""


class HTTPInternalServerError(HTTPException):
    """500."""

    code = 500


class HTTPNotImplemented(HTTPException):
    """501."""

    code = 501


class HTTPBadGateway(HTTPException):
    """502."""

    code = 502


class ServiceUnavailable(HTTPException):
    """503."""

    code = 503


class HTTPServiceUnavailable(ServiceUnavailable):
    """503: volt cannot reach its registry; try again."""


_BY_STATUS: dict[int, type[HTTPException]] = {
    300: HTTPMultipleChoices,
    400: HTTPBadRequest,
    401: HTTPUnauthorized,
    403: HTTPForbidden,
    404: HTTPNotFound,
    405: HTTPMethodNotAllowed,
    409: HTTPConflict,
    413: HTTPOverLimit,
    500: HTTPInternalServerError,
    501: HTTPNotImplemented,
    502: HTTPBadGateway,
    503: HTTPServiceUnavailable,
}


def from_answer(
    status: int, payload: Any, retry_after: float | None = None
) -> HTTPException:
    """Return the exception for a status and the JSON that came with it."""
    error = payload.get("error") if isinstance(payload, Mapping) else None
    if not isinstance(error, Mapping):
        error = {}
    raised = _BY_STATUS.get(status, HTTPException)(
        error.get("message"),
        error.get("code"),
        error.get("request_id"),
        retry_after,
    )
    raised.code = status
    return raised
