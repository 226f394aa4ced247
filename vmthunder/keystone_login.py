# SPDX-License-Identifier: Apache-2.0
"""The options with which a program logs in to keystone, by keystoneauth1."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from oslo_config import cfg


def register(conf: cfg.ConfigOpts, group: str, no_type: str) -> None:
    """Register the options of the login that a section's ``auth_type`` names.

    To be called when the file has been read.

    :param no_type: the message for a section without ``auth_type``.
    :raises ValueError: the type is missing or unknown.
    :raises ImportError: keystoneauth1 is not installed.
    """
    from keystoneauth1 import exceptions, loading

    loading.register_auth_conf_options(conf, group)
    name = conf[group].auth_type
    if not name:
        raise ValueError(no_type)
    try:
        options = loading.get_auth_plugin_conf_options(name)
    except exceptions.NoMatchingPlugin as error:
        raise ValueError(f"[{group}] auth_type = {name}: {error}") from error
    conf.register_opts(options, group=group)


def for_sample(
    options: Iterable[Any], names: Collection[str], defaults: Mapping[str, Any]
) -> list[Any]:
    """Return copies of those options that a sample shows.

    Copies, since the defaults differ: the library's own stay as they are.
    """
    listed = [copy.copy(option) for option in options if option.dest in names]
    for option in listed:
        option.default = defaults.get(option.dest, option.default)
    return listed
