# SPDX-License-Identifier: Apache-2.0
"""Reads the client's settings from the environment.

volt's own names come before those that all clients of OpenStack share.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from voltclient.exceptions import CommandError
from voltclient.tokens import first_in

ENDPOINT = "http://127.0.0.1:7447"
"""The default endpoint: volt-api on this host, where operators log in."""

URL = ("VOLT_URL", "OS_VOLT_URL")
TOKEN = ("VOLT_TOKEN",)
TOKEN_FILE = ("VOLT_TOKEN_FILE",)
SHARED_TOKEN = ("OS_TOKEN", "OS_AUTH_TOKEN")
CACERT = ("VOLT_CACERT", "OS_CACERT")
CERT = ("VOLT_CERT", "OS_CERT")
KEY = ("VOLT_KEY", "OS_KEY")
INSECURE = ("VOLT_INSECURE", "OS_INSECURE")
TIMEOUT = ("VOLT_TIMEOUT",)
DEBUG = ("VOLTCLIENT_DEBUG",)

Environ = Mapping[str, str]
Names = tuple[str, ...]

_SAID = {"1": True, "true": True, "yes": True, "on": True}
_SAID |= {"0": False, "false": False, "no": False, "off": False}


def text(environ: Environ, names: Names) -> str | None:
    """Return the first of these variables that is set and not empty."""
    return next((environ[name] for name in names if environ.get(name)), None)


def truth(environ: Environ, names: Names) -> bool:
    """Return the first set variable as yes or no; no if none is set."""
    value = text(environ, names)
    if value is None:
        return False
    if value.lower() not in _SAID:
        raise CommandError(f"{_named(environ, names)}: say 1 or 0")
    return _SAID[value.lower()]


def seconds(environ: Environ, names: Names) -> float | None:
    """Return the first set variable as a time in seconds."""
    value = text(environ, names)
    try:
        return None if value is None else time_of(value)
    except ValueError as error:
        raise CommandError(
            f"{_named(environ, names)}: give seconds, more than 0"
        ) from error


def time_of(text: str) -> float:
    """Return a text as seconds, more than 0; raises ``ValueError``."""
    time = float(text)
    if not 0 < time < float("inf"):
        raise ValueError(text)
    return time


def token(environ: Environ, file: str | None = None) -> str | None:
    """Return the token of the file, else the environment's, else None."""
    if file is None and (value := text(environ, TOKEN)):
        return value
    file = file or text(environ, TOKEN_FILE)
    return _read(file) if file else text(environ, SHARED_TOKEN)


def _read(file: str) -> str:
    try:
        secret = first_in(pathlib.Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CommandError(
            f"token file {file}: {reason}; name one that can be read"
        ) from error
    if not secret:
        raise CommandError(f"token file {file} is empty; put the token in")
    return secret


def _named(environ: Environ, names: Names) -> str:
    name = next(name for name in names if environ.get(name))
    return f"{name}={environ[name]}"
