# SPDX-License-Identifier: Apache-2.0
"""Options of ``auth_strategy = keystone``, which its libraries define.

The functions import the libraries, because other strategies do not need them.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from vmthunder import keystone_login
from volt.exception import ConfigError

GROUP = "keystone_authtoken"

SHOWN = {
    GROUP: {
        "www_authenticate_uri",
        "auth_type",
        "auth_section",
        "auth_url",
        "username",
        "password",
        "user_domain_name",
        "project_name",
        "project_domain_name",
        "region_name",
        "interface",
        "cafile",
        "certfile",
        "keyfile",
        "insecure",
        "http_connect_timeout",
        "http_request_max_retries",
        "token_cache_time",
        "memcached_servers",
        "memcache_security_strategy",
        "memcache_secret_key",
        "service_type",
        "include_service_catalog",
    },
    "oslo_policy": {"policy_file", "policy_dirs"},
}
"""Options in the sample, by section; the others are accepted, too."""

DEFAULTS = {
    # The whole process waits for keystone, so volt waits briefly, and the
    # client tries again.
    "http_connect_timeout": 3,
    "http_request_max_retries": 0,
    # Some kilobytes a token, which volt does not read.
    "include_service_catalog": False,
}


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register keystone's options if the file chooses the strategy.

    The file has been read; volt's ``auth_type`` in it decides which options
    the login has.
    Raises ``ConfigError``.
    """
    try:
        chosen = conf.auth_strategy == "keystone"
    except cfg.ConfigFileValueError:
        return  # volt.conf.strict reports the bad value
    if chosen:
        try:
            _register(conf)
        except ImportError as error:
            raise ConfigError(
                "auth_strategy = keystone needs more libraries: pip install "
                f"vmthunder[keystone] ({error})"
            ) from error


def _register(conf: cfg.ConfigOpts) -> None:
    from keystonemiddleware import auth_token
    from oslo_policy import opts as oslo_policy

    for group, opts in [*auth_token.list_opts(), *oslo_policy.list_opts()]:
        conf.register_opts(opts, group=group)
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)
    _register_login(conf)


def _register_login(conf: cfg.ConfigOpts) -> None:
    group = login_group(conf)
    no_type = (
        "auth_strategy = keystone: volt itself has to log in; give "
        f"[{group}] auth_type (most often: password), auth_url and so on"
    )
    try:
        keystone_login.register(conf, group, no_type)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def login_group(conf: cfg.ConfigOpts) -> str:
    """Return the section with the login of volt."""
    return str(conf[GROUP].auth_section or GROUP)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return the options in ``SHOWN`` for the sample generator."""
    from keystoneauth1 import loading
    from keystonemiddleware import auth_token
    from oslo_policy import opts as oslo_policy

    groups = [*auth_token.list_opts(), *oslo_policy.list_opts()]
    groups.append((GROUP, loading.get_auth_plugin_conf_options("password")))
    listed: dict[str | None, list[Any]] = {group: [] for group in SHOWN}
    for group, opts in groups:
        listed[group] += keystone_login.for_sample(
            opts, SHOWN[group], DEFAULTS
        )
    return list(listed.items())
