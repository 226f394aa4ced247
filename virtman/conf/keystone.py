# SPDX-License-Identifier: Apache-2.0
"""Reads the section [volt]: the agent's login where volt asks keystone.

Its options are those of keystoneauth1.  That library is the extra
``keystone``, and is imported only if a file has the section.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from virtman.exception import ConfigError
from vmthunder import keystone_login

GROUP = "volt"
TIMEOUT = 10
"""Seconds that keystone may take; a beat waits for it."""
# The options that the sample file shows: those of a login by password.
SHOWN = {
    "auth_type",
    "auth_url",
    "username",
    "password",
    "user_domain_name",
    "project_name",
    "project_domain_name",
    "cafile",
    "certfile",
    "keyfile",
    "insecure",
    "timeout",
}


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the chosen ``auth_type``.

    To be called when the file has been read: it names the type.

    :raises ConfigError: the library is missing, or the type is unknown.
    """
    try:
        from keystoneauth1 import loading

        loading.register_session_conf_options(conf, GROUP)
        conf.set_default("timeout", TIMEOUT, group=GROUP)
        keystone_login.register(
            conf, GROUP, f"[{GROUP}] needs auth_type: most often, password"
        )
    except ImportError as error:
        raise ConfigError(
            f"the section [{GROUP}] needs one more library: pip install "
            f"vmthunder[keystone] ({error})"
        ) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


def session(conf: cfg.ConfigOpts) -> Any:
    """Return a session of keystoneauth1, or None without the section.

    :raises ConfigError: an option that the type needs is missing.
    """
    if GROUP not in conf:
        return None
    from keystoneauth1 import exceptions, loading

    try:
        login = loading.load_auth_from_conf_options(conf, GROUP)
        return loading.load_session_from_conf_options(conf, GROUP, auth=login)
    except (cfg.NoSuchOptError, cfg.TemplateSubstitutionError):
        # Without the library's message: it quotes a piece of the value, of
        # the password most often.
        raise ConfigError(
            f"[{GROUP}]: a value in it cannot be read; write '$$' for a '$'"
        ) from None
    except exceptions.ClientException as error:
        raise ConfigError(f"[{GROUP}]: {error}") from error


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options of a login by password, for oslo-config-generator."""
    from keystoneauth1 import loading

    options = [
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options("password"),
        *loading.get_session_conf_options(),
    ]
    timeout = {"timeout": TIMEOUT}
    return [(GROUP, keystone_login.for_sample(options, SHOWN, timeout))]
