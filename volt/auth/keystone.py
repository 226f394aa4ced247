# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = keystone``: tokens of OpenStack's Identity service.

keystonemiddleware validates them; what the caller may do is asked of the
policy, route by route.
"""

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
from volt.auth.memory import Memory, Patience
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
    """A caller whom keystone knows."""

    context: RequestContext
    policy: Policy

    @property
    def trusted(self) -> bool:
        """Whether the policy lets it name another host."""
        return self.policy.may_act_for_host(self.context)

    def check(self, method: str, route: str, path: Mapping[str, str]) -> None:
        """Ask the policy."""
        self.policy.check(method, route, path, self.context)


class Context(RequestContext):
    """Who calls, for one request."""

    def update_store(self) -> None:
        """Stay out of the thread: its log would name the wrong caller."""


class Keystone:
    """Admits who shows a token that keystone vouches for."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._policy = Policy(conf)
        self._uri = _public_uri(conf)
        self._validate = _middleware(conf, self._uri)
        self._patience = Patience()
        self._memory = _memory(conf, self._patience)

    def admit(self, environ: Environ) -> Bearer:
        """Have the token validated, by keystone or from memory."""
        if not all(_may_be_a_token(environ.get(name, "")) for name in SHOWN):
            raise self._unauthorized("what the request shows is no token")
        if not environ.get("HTTP_X_AUTH_TOKEN"):
            raise self._unauthorized("show a token in X-Auth-Token")
        if not self._is_valid(environ):
            raise self._unauthorized(
                "keystone does not know the token, or it has expired or was "
                "revoked"
            )
        return Bearer(Context.from_environ(environ), self._policy)

    def was_away(self) -> bool:
        """Return whether callers were refused because keystone was."""
        return self._patience.refused()

    def _is_valid(self, environ: Environ) -> bool:
        told: list[str] = []

        def start(status: str, headers: Any, *more: Any) -> None:
            told.append(status)

        environ[MEMORY] = self._memory
        try:
            list(self._validate(environ, start))
        except ClientException as error:
            told.append(repr(error))
        if told[0].startswith(("200", "401")):
            return told[0].startswith("200")
        self._patience.lost()
        LOG.error("keystone does not answer: %s", told[0])
        raise self._patience.refusal()

    def _unauthorized(self, why: str) -> Unauthorized:
        error = Unauthorized(f"{why}; keystone ({self._uri}) gives tokens")
        error.headers = (("WWW-Authenticate", f'Keystone uri="{self._uri}"'),)
        return error


def load(conf: cfg.ConfigOpts) -> Keystone:
    """Return the strategy; keystone is not asked for anything yet."""
    return Keystone(conf)


def _let_in(environ: Environ, start: Any) -> list[bytes]:
    """Stand behind keystonemiddleware, which puts who calls in ``environ``."""
    start("200 OK", [])
    return []


def _may_be_a_token(shown: str) -> bool:
    """Return whether keystone is to be asked.

    Its refusal to read nonsense would look as if it was not well.
    """
    return shown.isascii() and shown.isprintable() and len(shown) <= LONGEST


def _middleware(conf: cfg.ConfigOpts, uri: str) -> Any:
    settings = conf[options.GROUP]
    if settings.service_type and not settings.include_service_catalog:
        raise ConfigError(
            f"[{options.GROUP}] service_type needs include_service_catalog "
            "= true: the access rules of tokens are looked up there"
        )
    told = {
        "oslo_config_config": conf,
        "cache": MEMORY,
        # Deferred, "keystone is away" would be told as "no valid token".
        "delay_auth_decision": False,
        "www_authenticate_uri": uri,
    }
    try:
        return auth_token.AuthProtocol(_let_in, told)
    except (ClientException, auth_token.ConfigurationError) as error:
        raise ConfigError(f"[{options.GROUP}]: {error}") from error


def _public_uri(conf: cfg.ConfigOpts) -> str:
    login = conf[options.login_group(conf)]
    uri = conf[options.GROUP].www_authenticate_uri or login.get("auth_url")
    if not uri:
        raise ConfigError(
            f"[{options.GROUP}] www_authenticate_uri: say where callers get "
            "their tokens, for example https://keystone.example:5000"
        )
    return str(uri)


def _memory(conf: cfg.ConfigOpts, patience: Patience) -> Memory | None:
    """Return ours, or None for the servers that the operator names."""
    settings = conf[options.GROUP]
    if not settings.memcached_servers:
        return Memory(settings.token_cache_time, patience)
    # keystonemiddleware would find out with the first request.
    if importlib.util.find_spec("memcache") is None:
        raise ConfigError(
            f"[{options.GROUP}] memcached_servers needs one more library: "
            "pip install python-memcached"
        )
    return None
