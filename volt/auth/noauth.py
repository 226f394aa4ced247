# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = noauth``: everybody on this host, or everybody.

That the service listens on a loopback address is not enough to know that
it serves this host alone: under another WSGI server, that server's options
say where to listen.  So the address of each caller is looked at, too.
"""

import logging

from oslo_config import cfg

from volt.auth.caller import Anybody, Environ
from volt.exception import ConfigError, Forbidden
from volt.request import is_loopback

LOG = logging.getLogger(__name__)


class Noauth:
    """Admits without a question, and believes nothing."""

    def __init__(self, beyond_loopback: bool) -> None:
        self._beyond_loopback = beyond_loopback

    def admit(self, environ: Environ) -> Anybody:
        """Let in who calls from this host, or from anywhere if so told."""
        # No address at all: a socket of the file system.
        remote = environ.get("REMOTE_ADDR") or "localhost"
        if not (self._beyond_loopback or is_loopback(remote)):
            raise Forbidden(
                "auth_strategy = noauth serves callers on volt's own host "
                "only; use auth_strategy = token, or set "
                "noauth_anywhere = true"
            )
        return Anybody()

    def was_away(self) -> bool:
        """Return False: nobody else is asked."""
        return False


def load(conf: cfg.ConfigOpts) -> Noauth:
    """Return the strategy; refuse a network that did not ask for it."""
    beyond = conf.noauth_anywhere
    if not (beyond or is_loopback(conf.bind_host)):
        raise ConfigError(
            f"auth_strategy = noauth with bind_host = {conf.bind_host} would "
            "let everybody on the network do everything; use auth_strategy "
            "= token, or bind_host = 127.0.0.1, or, in a closed network, "
            "noauth_anywhere = true"
        )
    if beyond:
        LOG.warning("noauth: whoever reaches this port may do everything")
    return Noauth(beyond)
