# SPDX-License-Identifier: Apache-2.0
"""Reports the failure of a command: one line, a remedy, a status."""

from __future__ import annotations

import traceback
from typing import TextIO

from voltclient import exceptions
from voltclient.retry import PASSING

REFUSED, USAGE, NOT_NOW = 1, 2, 3


class Missing(exceptions.BaseException):
    """Volt's answer does not have the node that was asked for."""


_KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (
        exceptions.UnknownHost,
        NOT_NOW,
        "correct it: --url or VOLT_URL",
    ),
    (exceptions.CommandError, USAGE, ""),
    (exceptions.InvalidEndpoint, USAGE, "see --url and VOLT_URL"),
    (exceptions.SSLConfigurationError, USAGE, ""),
    (
        exceptions.SSLCertificateError,
        NOT_NOW,
        "name the authority of volt's certificate (--os-cacert), show a "
        "certificate if volt asks for one (--os-cert), or is it http?",
    ),
    (
        exceptions.NotReached,
        NOT_NOW,
        "is volt-api running there? name another by --url or VOLT_URL",
    ),
    (exceptions.ConnectionLost, NOT_NOW, "try again, or is it https?"),
    (
        exceptions.CommunicationError,
        NOT_NOW,
        "is this volt-api, and is it http or https? see --url; if it is "
        "slow, see --timeout",
    ),
    (
        exceptions.Unauthorized,
        REFUSED,
        "give it by --token-file, VOLT_TOKEN_FILE or VOLT_TOKEN",
    ),
)
_WORDS = {
    "volume_not_found": "'volt volume list' names the volumes",
    "peer_not_found": "'volt peer list' names the peers",
    "image_not_found": "'volt image list' names the images",
    "not_found": "an older volt? it does not know this call",
    "volume_in_use": "the command's option for that is --force",
}


def tell(error: Exception, out: TextIO, debug: bool) -> int:
    """Print the failure of a command; return its exit status."""
    if debug:
        traceback.print_exception(error, file=out)
    message, (status, remedy) = str(error), _status_and_remedy(error)
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror
    elif not isinstance(error, exceptions.BaseException):
        message = f"unexpected error: {error!r}"
    message = " ".join(message.split())
    print(f"volt: {'; '.join(filter(None, [message, remedy]))}", file=out)
    return status


def _status_and_remedy(error: Exception) -> tuple[int, str]:
    for kind, status, remedy in _KINDS:
        if isinstance(error, kind):
            return status, remedy
    if isinstance(error, exceptions.HTTPException):
        if error.code in PASSING:
            wait = error.retry_after or 1
            return NOT_NOW, f"try again in {wait:.0f} s"
        return REFUSED, _WORDS.get(error.error_code or "", "")
    if isinstance(error, OSError):
        return REFUSED, "see where the output goes"
    if isinstance(error, exceptions.BaseException):
        return REFUSED, ""
    return REFUSED, "--debug shows where; please report it"
