# SPDX-License-Identifier: Apache-2.0
"""Options of the registry: those of oslo.db that have a meaning here."""

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

opts = [copy.copy(one) for one in options.database_opts if one.dest in USED]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register them; SQLite in the state directory is the default."""
    conf.register_opts(opts, group=GROUP)
    conf.set_default("connection", DEFAULT, group=GROUP)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return them for the sample generator."""
    shown = [copy.copy(one) for one in opts]
    for one in shown:
        if one.dest == "connection":
            one.default = DEFAULT
    return [(GROUP, shown)]
