# SPDX-License-Identifier: Apache-2.0
"""Reads the configuration and its files, at a start or at a SIGHUP."""

from __future__ import annotations

import dataclasses
import logging as plain_logging
import ssl
from collections.abc import Callable
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from vmthunder import logs
from volt import conf
from volt.cmd import tls
from volt.exception import ConfigError

LOG = plain_logging.getLogger(__name__)

FIXED = ("bind_host", "bind_port", "backlog", "tcp_keepidle")
"""Options of the socket, which stays open as long as the service runs."""
REFUSED = "the new configuration is refused, the old one stays in force"


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one reading; a later reading does not change them."""

    options: cfg.ConfigOpts
    tls: ssl.SSLContext | None

    @property
    def workers(self) -> int:
        """Number of processes that serve; 1 is the started process itself."""
        return max(int(self.options.workers), 1)

    def tell_fixed(self, before: Settings) -> None:
        """Log the options that have changed but need a restart."""
        for name in FIXED:
            if self.options[name] != before.options[name]:
                LOG.warning("%s has changed, which needs a restart", name)
        if (self.workers > 1) != (before.workers > 1):
            LOG.warning(
                "from one process to several, or back, needs a restart "
                "(workers)"
            )


Reread = Callable[[], Settings]


def read(args: list[str], **texts: str) -> Settings:
    """Return the settings in the files now; ``texts`` are for --help.

    Raises :class:`volt.exception.ConfigError`.
    """
    options = conf.new()
    logging.register_options(options)
    conf.load(options, args, **texts)
    return Settings(
        options,
        tls.context(options.cert_file, options.key_file, options.ca_file),
    )


def set_up_logging(options: cfg.ConfigOpts) -> None:
    """Set up the log, with files opened anew; raise ``ConfigError``."""
    if options.log_dir and not options.log_file:
        # oslo.log would take the file's name from the call stack, which
        # differs between the start and a reload.
        options.set_default("log_file", "volt-api.log")
    root = plain_logging.getLogger()
    before = list(root.handlers)
    try:
        logs.set_up(options, "volt")
    except ValueError as error:
        raise ConfigError(str(error)) from error
    for handler in before:
        _close(handler, root.handlers)


def _close(handler: Any, kept: list[Any]) -> None:
    if handler not in kept:
        handler.close()
