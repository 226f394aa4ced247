# SPDX-License-Identifier: Apache-2.0
"""Reads a WSGI environment; faults in it become errors 400 and 413."""

from __future__ import annotations

import urllib.parse
from typing import Any

from volt.exception import BadRequest, InvalidPath, TooLarge

Environ = dict[str, Any]

LARGEST_BODY = 64 * 1024
"""Bytes; a beat that names 300 volumes is smaller."""

_RAW = ("RAW_PATH_INFO", "RAW_URI", "REQUEST_URI")
"""Where servers keep the path before decoding: eventlet, gunicorn, uWSGI."""


def raw_path(environ: Environ) -> str:
    """Return the path of a request, still percent-encoded.

    An identifier is one segment of it; decoded first, ``a%2Fb`` would
    become two.
    """
    for name in _RAW:
        if name in environ:
            raw: str = environ[name]
            path = raw.partition("?")[0]
            return path.removeprefix(environ.get("SCRIPT_NAME", "")) or "/"
    try:
        path = environ.get("PATH_INFO", "").encode("latin1")
    except UnicodeError as error:
        raise InvalidPath("the server decoded the path wrongly") from error
    return urllib.parse.quote(path, safe="/:@!$&'()*+,;=~") or "/"


def decoded(segment: str) -> str:
    """Return one segment of the path as text.

    WSGI hands over bytes as characters of the same number (latin-1).
    """
    try:
        raw = urllib.parse.unquote_to_bytes(segment.encode("latin1"))
        return raw.decode()
    except UnicodeError as error:
        raise InvalidPath("the path is not UTF-8") from error


def parameters(environ: Environ) -> dict[str, str]:
    """Return the parameters of the query string; the last of a name wins."""
    try:
        pairs = urllib.parse.parse_qsl(
            environ.get("QUERY_STRING", ""),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=20,
        )
    except ValueError as error:
        raise InvalidPath("the query string cannot be read") from error
    return dict(pairs)


def body(environ: Environ) -> bytes:
    """Return the body of a request of any method, b'' for no body."""
    announced = environ.get("CONTENT_LENGTH") or ""
    if not announced:
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        return _read(environ, LARGEST_BODY + 1) if chunked else b""
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest("Content-Length is not a number")
    if len(announced) > 9 or int(announced) > LARGEST_BODY:
        raise _too_large()
    read = _read(environ, int(announced))
    if len(read) < int(announced):
        raise BadRequest("the body ended early")
    return read


def _read(environ: Environ, most: int) -> bytes:
    try:
        read: bytes = environ["wsgi.input"].read(most)
    except (OSError, ValueError) as error:
        raise BadRequest("the body ended early") from error
    if len(read) > LARGEST_BODY:
        raise _too_large()
    return read


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {LARGEST_BODY} bytes")
