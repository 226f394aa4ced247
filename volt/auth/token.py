# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = token``: a secret that all nodes share.

The file holds one secret a line and all of them are valid, so that an
operator can bring a new secret to the nodes while the old one still works.
"""

from __future__ import annotations

import hmac
import pathlib

from oslo_config import cfg

from vmthunder import secret_file
from volt.auth.caller import Anybody, Environ
from volt.exception import ConfigError, Unauthorized


class Token:
    """Admits callers that show one of the secrets."""

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._secrets = secrets

    def admit(self, environ: Environ) -> Anybody:
        """Compare the token shown with each secret, in constant time."""
        given = environ.get("HTTP_X_AUTH_TOKEN", "").encode(
            "latin1", "replace"
        )
        if True not in [hmac.compare_digest(given, s) for s in self._secrets]:
            raise Unauthorized(
                "show the token that volt-api was given (token_file) in the "
                "header X-Auth-Token"
            )
        return Anybody(trusted=True)

    def was_away(self) -> bool:
        """Return False: no other service is asked."""
        return False


def load(conf: cfg.ConfigOpts) -> Token:
    """Return the strategy with the secrets of ``token_file``."""
    if not conf.token_file:
        raise ConfigError(
            "auth_strategy = token needs token_file; write a secret into a "
            "file that others cannot read (umask 027; openssl rand -hex 32 > "
            "/etc/volt/token) and name it; or set auth_strategy = noauth"
        )
    return Token(read(conf.token_file))


def read(path: str) -> tuple[bytes, ...]:
    """Return the secrets in a token file.

    Empty lines and lines that begin with ``#`` are skipped.  Raises
    ``ConfigError`` that names the line, never its content.
    """
    remedy = "chmod 640, and chgrp to the group of the service"
    try:
        return secret_file.read(pathlib.Path(path), remedy)
    except ValueError as error:
        raise ConfigError(f"token_file {error}") from error
