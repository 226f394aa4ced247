# SPDX-License-Identifier: Apache-2.0
"""Sets up the agent's log, and tries it before the agent needs it."""

from __future__ import annotations

import logging

from oslo_config import cfg
from oslo_log import log

from virtman.exception import ConfigError


def set_up(conf: cfg.ConfigOpts) -> None:
    """Set the process's log up by its options.

    :raises ConfigError: the options do not work; the message names those of
        the log that were given.
    """
    trial = logging.makeLogRecord(
        {"name": "virtman", "msg": "trial", "levelno": logging.INFO}
    )
    try:
        log.setup(conf, "virtman")
        for handler in logging.getLogger().handlers:
            # A wrong format shows only when a record is formatted.
            handler.format(trial)
    except Exception as error:
        # For a wrong value the libraries raise exceptions of any kind.
        raise ConfigError(
            f"cannot log as {', '.join(_given(conf))} would have it: {error}; "
            "set them right or leave them out"
        ) from error


def _given(conf: cfg.ConfigOpts) -> list[str]:
    """Return the names of the log's options that the user has set."""
    options = cfg.ConfigOpts()
    log.register_options(options)
    return [
        name
        for name in options
        if (place := conf.get_location(name))
        and place.location.is_user_controlled
    ]
