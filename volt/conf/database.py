# SPDX-License-Identifier: Apache-2.0
"""Options of the registry: those of oslo.db that volt uses."""

from __future__ import annotations

import copy
from typing import Any

from oslo_config import cfg
from oslo_db import options

GROUP = "database"
DEFAULT = "sqlite:///$state_dir/volt.sqlite"

USED = frozenset(
    {
        "connection",
        "connection_recycle_time",
        "max_pool_size",
        "max_retries",
        "retry_interval",
        "max_overflow",
        "pool_timeout",
        "connection_debug",
        "connection_parameters",
    }
)

opts = [copy.copy(opt) for opt in options.database_opts if opt.dest in USED]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the registry, SQLite being the default."""
    conf.register_opts(opts, group=GROUP)
    conf.set_default("connection", DEFAULT, group=GROUP)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return the options of the registry for the sample generator."""
    listed = [copy.copy(opt) for opt in opts]
    for opt in listed:
        if opt.dest == "connection":
            opt.default = DEFAULT
    return [(GROUP, listed)]
