# SPDX-License-Identifier: Apache-2.0
"""Sets up a program's log by oslo.log, and tries it before it is needed."""

from __future__ import annotations

import logging

from oslo_config import cfg
from oslo_log import log


def set_up(conf: cfg.ConfigOpts, name: str) -> None:
    """Set the process's log up by its options, and format a record.

    A wrong format shows only when a record is formatted.

    :param name: of the program.
    :raises ValueError: the options do not work; the message names those of
        the log that were given.
    """
    trial = logging.makeLogRecord(
        {"name": name, "msg": "trial", "levelno": logging.INFO}
    )
    try:
        log.setup(conf, name)
        for handler in logging.getLogger().handlers:
            handler.format(trial)
    except Exception as error:
        # For a wrong value the libraries raise exceptions of any kind.
        raise ValueError(
            f"cannot set up the log by {', '.join(_given(conf))}: {error}; "
            "correct or remove these options"
        ) from error


def _given(conf: cfg.ConfigOpts) -> list[str]:
    """Return the names of the log's options that the operator has set."""
    options = cfg.ConfigOpts()
    log.register_options(options)
    return [
        name
        for name in options
        if (place := conf.get_location(name))
        and place.location.is_user_controlled
    ]
