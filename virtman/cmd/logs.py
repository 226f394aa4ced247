# SPDX-License-Identifier: Apache-2.0
"""Where the agent logs to, tried before it is relied upon."""

from __future__ import annotations

import logging

from oslo_config import cfg
from oslo_log import log

from virtman.exception import ConfigError


def set_up(conf: cfg.ConfigOpts) -> None:
    """Log as the options say, for the rest of the process.

    :raises ConfigError: that cannot be; names the options of the log that
        were given.
    """
    trial = logging.makeLogRecord(
        {"name": "virtman", "msg": "trial", "levelno": logging.INFO}
    )
    try:
        log.setup(conf, "virtman")
        for handler in logging.getLogger().handlers:
            # A format that makes no sense is found by its use alone.
            handler.format(trial)
    except Exception as error:
        # What odd values lead the libraries to is of any kind.
        raise ConfigError(
            f"cannot log as {', '.join(_given(conf))} would have it: {error}; "
            "set them right or leave them out"
        ) from error


def _given(conf: cfg.ConfigOpts) -> list[str]:
    """Return the options of the log that are not at their defaults."""
    known = cfg.ConfigOpts()
    log.register_options(known)
    return [
        name
        for name in known
        if (found := conf.get_location(name))
        and found.location.is_user_controlled
    ]
