# SPDX-License-Identifier: Apache-2.0
"""Options of ``auth_strategy = keystone``: its libraries' own.

The libraries are imported by the functions, for nobody else needs them.
"""

import copy
from typing import Any

from oslo_config import cfg

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
"""What is in the sample, by section; others are accepted, too."""

DEFAULTS = {
    # volt waits for keystone with the whole process, so it waits briefly,
    # and leaves it to the client to try again.
    "http_connect_timeout": 3,
    "http_request_max_retries": 0,
    # Some kilobytes a token, of which volt reads nothing.
    "include_service_catalog": False,
}


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register them if the strategy is chosen; the file has been read.

    Which options the login of volt has depends on its ``auth_type``.
    Raises ``ConfigError``.
    """
    try:
        chosen = conf.auth_strategy == "keystone"
    except cfg.ConfigFileValueError:
        return  # volt.conf.strict says what is wrong with the value
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
    from keystoneauth1 import loading
    from keystoneauth1.exceptions import NoMatchingPlugin

    group = login_group(conf)
    loading.register_auth_conf_options(conf, group)
    name = conf[group].auth_type
    if not name:
        raise ConfigError(
            f"auth_strategy = keystone: volt itself has to log in; give "
            f"[{group}] auth_type (most often: password), auth_url and so on"
        )
    try:
        opts = loading.get_auth_plugin_conf_options(name)
    except NoMatchingPlugin as error:
        raise ConfigError(f"[{group}] auth_type = {name}: {error}") from error
    conf.register_opts(opts, group=group)


def login_group(conf: cfg.ConfigOpts) -> str:
    """Return the section that says how volt logs in."""
    return str(conf[GROUP].auth_section or GROUP)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return those in ``SHOWN`` for the sample: a login by password."""
    from keystoneauth1 import loading
    from keystonemiddleware import auth_token
    from oslo_policy import opts as oslo_policy

    known = [*auth_token.list_opts(), *oslo_policy.list_opts()]
    known.append((GROUP, loading.get_auth_plugin_conf_options("password")))
    listed: dict[str | None, list[Any]] = {group: [] for group in SHOWN}
    for group, opts in known:
        for one in opts:
            if one.dest in SHOWN[group]:
                shown = copy.copy(one)
                shown.default = DEFAULTS.get(one.dest, one.default)
                listed[group].append(shown)
    return list(listed.items())
