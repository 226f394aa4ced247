# SPDX-License-Identifier: Apache-2.0
"""Reads the agent's options, checks them, and returns them as Settings.

No other part of virtman reads a ``ConfigOpts``: the composition root reads
:class:`Settings` once and passes it down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log

from virtman.conf import opts, strict
from virtman.conf.cache import CacheSettings
from virtman.conf.coordinator import CoordinatorSettings
from virtman.conf.doors import DoorSettings
from virtman.conf.flashcache import FlashcacheSettings
from virtman.conf.host import HostSettings
from virtman.conf.paths import PathSettings
from virtman.conf.stores import StoreSettings
from virtman.conf.targets import TargetSettings
from virtman.exception import ConfigError

# os-brick logs every command twice at DEBUG, in many lines.
QUIET = [
    *log.get_default_log_levels(),
    "os_brick=WARNING",
    "oslo_concurrency=WARNING",
]
DEFAULT_FILE = "/etc/virtman/virtman.conf"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settings(
    HostSettings,
    DoorSettings,
    TargetSettings,
    CoordinatorSettings,
    CacheSettings,
    StoreSettings,
    PathSettings,
    FlashcacheSettings,
):
    """The values of all options; a part of the agent asks for its group.

    Folders are absolute, times in seconds.
    """

    @property
    def closed_targets(self) -> bool:
        """Whether targets ask for a secret; only volt gives readers one."""
        return self.master_ip is not None and not self.open_targets


def parse(argv: Sequence[str]) -> cfg.ConfigOpts:
    """Read the command line and the files that it names.

    :raises ConfigError: a file has an unknown option, or an option of the
        command line has a wrong value.
    """
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    log.set_defaults(default_log_levels=QUIET)
    conf.register_cli_opts(opts.CLI)
    conf.register_opts(opts.OPTIONS)
    files = [DEFAULT_FILE] if Path(DEFAULT_FILE).exists() else []
    try:
        conf(list(argv), project="virtman", default_config_files=files)
    except SystemExit as ended:
        # oslo.config ends with 1 when a file has a wrong value for an option
        # of the command line; it has named the option on standard error.
        if ended.code != 1:
            raise
        raise ConfigError("an option has an invalid value") from ended
    except cfg.NoSuchOptError as error:
        raise ConfigError(
            f"{error}; a value names it with a '$' ('$$' stands for a '$')"
        ) from error
    except UnicodeDecodeError as error:
        raise strict.no_text(argv, error) from error
    except RecursionError as error:
        raise strict.loop(argv) from error
    strict.check(conf)
    return conf


def settings(conf: cfg.ConfigOpts) -> Settings:
    """Return the values of the options, with derived paths filled in.

    :raises ConfigError: a value cannot be used, or two exclude each other.
    """
    values: dict[str, Any] = {}
    for topic in opts.TOPICS:
        values |= vars(topic.read(conf))
    return Settings(**values)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return every option of the agent, for oslo-config-generator."""
    return [("DEFAULT", [*opts.CLI, *opts.OPTIONS])]
