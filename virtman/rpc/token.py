# SPDX-License-Identifier: Apache-2.0
"""The secrets that callers show at the XML-RPC door.

Without secrets the door must be for this host alone.  A secret is shown as the
password of HTTP's Basic scheme (RFC 7617), whatever the user's name: every
XML-RPC library can send that.  The file holds one secret a line and all of
them are valid, so that a new one can be brought to the callers while the old
one still works.
"""

from __future__ import annotations

import base64
import hmac
import logging
from pathlib import Path

from virtman.conf.doors import DoorSettings
from virtman.exception import ConfigError
from vmthunder import secret_file
from vmthunder.addresses import is_loopback

LOG = logging.getLogger(__name__)


class Secrets:
    """The secrets of a file, read anew with each call: they may change.

    :raises ConfigError: the file cannot be used as it is now.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        read(file)

    def admit(self, header: str | None) -> bool:
        """Tell whether a header ``Authorization`` shows one of them.

        The time that it takes tells nothing of the secrets.
        """
        try:
            secrets = read(self._file)
        except ConfigError as error:
            LOG.error("the XML-RPC door refuses every caller: %s", error)
            return False
        password = _password(header or "")
        return True in [hmac.compare_digest(password, s) for s in secrets]


def load(settings: DoorSettings) -> Secrets | None:
    """Return the secrets of the settings; None admits every caller.

    :raises ConfigError: without secrets the whole network could call.
    """
    if settings.rpc_token_file:
        return Secrets(settings.rpc_token_file)
    if is_loopback(settings.rpc_host):
        return None
    if not settings.rpc_noauth_anywhere:
        raise ConfigError(
            f"the XML-RPC door on {settings.rpc_host} would let every host of "
            "the network make and destroy disks as root; write a secret into "
            "a file ((umask 077; openssl rand -hex 32 > "
            "/etc/virtman/rpc-token)) and set rpc_token_file, or set rpc_host "
            "= 127.0.0.1, or, in a closed network, rpc_noauth_anywhere = true"
        )
    LOG.warning("every caller that reaches the XML-RPC door may do everything")
    return None


def read(file: Path) -> tuple[bytes, ...]:
    """Return the secrets in a file; ``#`` begins a comment.

    :raises ConfigError: the message names the line, never its text.
    """
    try:
        return secret_file.read(file, f"chmod 600 {file}")
    except ValueError as error:
        raise ConfigError(f"rpc_token_file {error}") from error


def _password(header: str) -> bytes:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        pair = base64.b64decode(rest.strip(), validate=True)
    except ValueError:
        return b""
    return pair.partition(b":")[2]
