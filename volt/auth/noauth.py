# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = noauth``: every caller on this host, or anywhere.

A bind_host on a loopback address does not prove that volt serves this host
alone: under another WSGI server, that server's options say where to listen.
So the address of each caller is checked, too.
"""

from __future__ import annotations

import logging

from oslo_config import cfg

from vmthunder.addresses import is_loopback
from volt.auth.caller import Anybody, Environ
from volt.exception import ConfigError, Forbidden

LOG = logging.getLogger(__name__)


class Noauth:
    """Admits callers without credentials, and trusts none of them."""

    def __init__(self, beyond_loopback: bool) -> None:
        self._beyond_loopback = beyond_loopback

    def admit(self, environ: Environ) -> Anybody:
        """Admit a caller on this host, or on any host if noauth_anywhere."""
        # A caller on a UNIX socket has no address; it is on this host.
        remote = environ.get("REMOTE_ADDR") or "localhost"
        if not (self._beyond_loopback or is_loopback(remote)):
            raise Forbidden(
                "auth_strategy = noauth serves callers on volt's own host "
                "only; use auth_strategy = token, or set "
                "noauth_anywhere = true"
            )
        return Anybody()

    def was_away(self) -> bool:
        """Return False: no other service is asked."""
        return False


def load(conf: cfg.ConfigOpts) -> Noauth:
    """Return the strategy; refuse a bind_host that opens it to a network."""
    beyond = conf.noauth_anywhere
    if not (beyond or is_loopback(conf.bind_host)):
        raise ConfigError(
            f"auth_strategy = noauth with bind_host = {conf.bind_host} would "
            "let every host of the network do everything; use auth_strategy "
            "= token, or bind_host = 127.0.0.1, or, in a closed network, "
            "noauth_anywhere = true"
        )
    if beyond:
        LOG.warning("noauth: every caller of this port may do everything")
    return Noauth(beyond)
