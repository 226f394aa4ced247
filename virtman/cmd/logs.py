# SPDX-License-Identifier: Apache-2.0
"""Sets up the agent's log, and tries it before the agent needs it."""

from __future__ import annotations

from oslo_config import cfg

from virtman.exception import ConfigError
from vmthunder import logs


def set_up(conf: cfg.ConfigOpts) -> None:
    """Set the process's log up by its options.

    :raises ConfigError: the options do not work; the message names those of
        the log that were given.
    """
    try:
        logs.set_up(conf, "virtman")
    except ValueError as error:
        raise ConfigError(str(error)) from error
