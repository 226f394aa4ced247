# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = keystone``: tokens of OpenStack's Identity service.

keystonemiddleware validates the tokens; the policy decides, route by route,
what their owners may do.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
from collections.abc import Mapping
from typing import Any

from keystoneauth1.exceptions import ClientException
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_context.context import RequestContext

from volt.auth.caller import Environ
from volt.auth.memory import Backoff, Memory
from volt.auth.policy import Policy
from volt.conf import keystone as options
from volt.exception import ConfigError, Unauthorized

LOG = logging.getLogger(__name__)

SHOWN = ("HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN")
LONGEST = 4096
"""Characters of a token; keystone's own have some hundred."""
MEMORY = "volt.tokens"
"""Where keystonemiddleware looks for its cache in a request."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bearer:
    """A caller whose token keystone has validated."""

    context: RequestContext
    policy: Policy

    @property
    def trusted(self) -> bool:
        """Whether the policy lets the caller name another host."""
        return self.policy.may_act_for_host(self.context)

    def check(self, method: str, route: str, path: Mapping[str, str]) -> None:
        """Raise ``Forbidden`` unless the policy allows the request."""
        self.policy.check(method, route, path, self.context)


class Context(RequestContext):
    """The caller of one request."""

    def update_store(self) -> None:
        """Keep the context out of the thread; its log would name it later."""


class Keystone:
    """Admits callers that show a token that keystone validates."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._policy = Policy(conf)
        self._uri = _public_uri(conf)
        self._validate = _middleware(conf, self._uri)
        self._backoff = Backoff()
        self._memory = _memory(conf, self._backoff)

    def admit(self, environ: Environ) -> Bearer:
        """Return the caller of a token that keystone or the memory knows."""
        if not all(_may_be_a_token(environ.get(name, "")) for name in SHOWN):
            raise self._unauthorized(
                "a token of the request is too long or has characters other "
                "than printable ASCII"
            )
        if not environ.get("HTTP_X_AUTH_TOKEN"):
            raise self._unauthorized(
                "the request has no token in the header X-Auth-Token"
            )
        if not self._is_valid(environ):
            raise self._unauthorized(
                "keystone does not know the token, or it has expired or was "
                "revoked"
            )
        return Bearer(Context.from_environ(environ), self._policy)

    def was_away(self) -> bool:
        """Return whether callers were refused because keystone was away."""
        return self._backoff.refused()

    def _is_valid(self, environ: Environ) -> bool:
        outcomes: list[str] = []

        def start(status: str, headers: Any, *more: Any) -> None:
            outcomes.append(status)

        environ[MEMORY] = self._memory
        try:
            list(self._validate(environ, start))
        except ClientException as error:
            outcomes.append(repr(error))
        if outcomes[0].startswith(("200", "401")):
            return outcomes[0].startswith("200")
        self._backoff.lost()
        LOG.error("keystone does not answer: %s", outcomes[0])
        raise self._backoff.refusal()

    def _unauthorized(self, reason: str) -> Unauthorized:
        error = Unauthorized(f"{reason}; keystone ({self._uri}) gives tokens")
        error.headers = (("WWW-Authenticate", f'Keystone uri="{self._uri}"'),)
        return error


def load(conf: cfg.ConfigOpts) -> Keystone:
    """Return the strategy; no request goes to keystone yet."""
    return Keystone(conf)


def _let_in(environ: Environ, start: Any) -> list[bytes]:
    """Answer 200 behind keystonemiddleware, which fills in ``environ``."""
    start("200 OK", [])
    return []


def _may_be_a_token(text: str) -> bool:
    """Return whether a text may be a token, so that keystone is asked.

    keystone answers a malformed token with an error that would look like an
    outage of keystone.
    """
    return text.isascii() and text.isprintable() and len(text) <= LONGEST


def _middleware(conf: cfg.ConfigOpts, uri: str) -> Any:
    settings = conf[options.GROUP]
    if settings.service_type and not settings.include_service_catalog:
        raise ConfigError(
            f"[{options.GROUP}] service_type needs include_service_catalog "
            "= true: the access rules of tokens are looked up there"
        )
    overrides = {
        "oslo_config_config": conf,
        "cache": MEMORY,
        # Deferred, an outage of keystone would be reported as a bad token.
        "delay_auth_decision": False,
        "www_authenticate_uri": uri,
    }
    try:
        return auth_token.AuthProtocol(_let_in, overrides)
    except (ClientException, auth_token.ConfigurationError) as error:
        raise ConfigError(f"[{options.GROUP}]: {error}") from error


def _public_uri(conf: cfg.ConfigOpts) -> str:
    login = conf[options.login_group(conf)]
    uri = conf[options.GROUP].www_authenticate_uri or login.get("auth_url")
    if not uri:
        raise ConfigError(
            f"[{options.GROUP}] www_authenticate_uri: give the address where "
            "callers get their tokens, for example "
            "https://keystone.example:5000"
        )
    return str(uri)


def _memory(conf: cfg.ConfigOpts, backoff: Backoff) -> Memory | None:
    """Return volt's token cache, or None for the operator's memcached."""
    settings = conf[options.GROUP]
    if not settings.memcached_servers:
        return Memory(settings.token_cache_time, backoff)
    # Checked here: keystonemiddleware would fail with the first request.
    if importlib.util.find_spec("memcache") is None:
        raise ConfigError(
            f"[{options.GROUP}] memcached_servers needs one more library: "
            "pip install python-memcached"
        )
    return None
