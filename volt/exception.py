# SPDX-License-Identifier: Apache-2.0
"""The errors of volt, each with its HTTP status and stable code.

Codes are for programs: once released they are neither changed nor reused.
Messages are for people: they name the thing at fault and the remedy.
"""

from __future__ import annotations

import math


class VoltError(Exception):
    """Base of all errors that the API answers with."""

    status = 500
    code = "internal"
    headers: tuple[tuple[str, str], ...] = ()


class BadRequest(VoltError):
    """The request cannot be understood."""

    status = 400
    code = "bad_request"


class MalformedJSON(BadRequest):
    """The body is not a JSON object in UTF-8."""

    code = "malformed_json"


class InvalidBody(BadRequest):
    """The body is JSON, but not what this route takes."""

    code = "invalid_body"


class InvalidPath(BadRequest):
    """An identifier or a query parameter is not acceptable."""

    code = "invalid_path"


class NoSlot(BadRequest):
    """No place in the tree for a peer that registers itself again."""

    code = "no_slot"


class Unauthorized(VoltError):
    """The token is missing or wrong."""

    status = 401
    code = "unauthorized"
    headers = (("WWW-Authenticate", "X-Auth-Token"),)


class Forbidden(VoltError):
    """The caller is known, but may not do this."""

    status = 403
    code = "forbidden"


class NotFound(VoltError):
    """The API has no such route."""

    status = 404
    code = "not_found"


class VolumeNotFound(NotFound):
    """There is no volume of that name."""

    code = "volume_not_found"


class MarkerNotFound(NotFound):
    """The entry after which a page was to begin has gone."""

    code = "marker_not_found"


class PeerNotFound(NotFound):
    """The tree has no such peer."""

    code = "peer_not_found"


class ImageNotFound(NotFound):
    """No image server has registered that image."""

    code = "image_not_found"


class MethodNotAllowed(VoltError):
    """The route exists, but not for this method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, method: str, path: str, allowed: list[str]) -> None:
        answer = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not allowed on {path}; use {answer}")
        self.headers = (("Allow", answer),)


class VolumeInUse(VoltError):
    """The volume still has peers that serve it."""

    status = 409
    code = "volume_in_use"


class ImageMismatch(VoltError):
    """Another image server serves another image under this name."""

    status = 409
    code = "image_mismatch"


class TooLarge(VoltError):
    """The body is larger than any request needs."""

    status = 413
    code = "too_large"


class Unavailable(VoltError):
    """The registry or keystone does not answer; nothing was changed."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, retry_after: float = 2) -> None:
        super().__init__(message)
        seconds = max(math.ceil(retry_after), 1)
        self.headers = (("Retry-After", str(seconds)),)


class ConfigError(Exception):
    """The service cannot start as it is configured."""
