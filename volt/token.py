# SPDX-License-Identifier: Apache-2.0
"""The shared secret that opens the API."""

import logging
import pathlib
import stat

from volt.exception import ConfigError

LOG = logging.getLogger(__name__)
SHORTEST = 16
"""Characters; less is too easy to guess."""


def read(path: str | None) -> str:
    """Return the secret in a file, or raise ``ConfigError``."""
    if not path:
        raise ConfigError(
            "auth_strategy = token needs token_file; write a secret into a "
            "file (openssl rand -hex 32 > /etc/volt/token) and name it, or "
            "say auth_strategy = noauth"
        )
    try:
        secret = pathlib.Path(path).read_text(encoding='ascii').strip()
        readers = pathlib.Path(path).stat().st_mode & stat.S_IROTH
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"token_file {path}: {error}") from error
    if len(secret) < SHORTEST or not secret.isprintable():
        raise ConfigError(
            f"token_file {path}: one line of at least {SHORTEST} printable "
            "characters is needed"
        )
    if readers:
        LOG.warning("token_file %s is readable by all; chmod 640 it", path)
    return secret
