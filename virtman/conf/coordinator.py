# SPDX-License-Identifier: Apache-2.0
"""The coordinator: where volt is, and how often it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg

from virtman.conf import keystone
from virtman.conf.values import file
from virtman.exception import ConfigError

OPTIONS = [
    cfg.HostAddressOpt(
        "master_ip",
        help="Address of volt. Without it the node works alone: every image "
        "is read straight from its image server.",
    ),
    cfg.PortOpt("master_port", default=7447, help="TCP port of volt."),
    cfg.StrOpt(
        "master_token_file",
        help="File that holds the secret which volt asks for "
        "(auth_strategy = token); of several lines the first counts.  It is "
        "read with each call.  Where volt asks keystone (auth_strategy = "
        "keystone), fill in the section [volt] instead.",
    ),
    cfg.FloatOpt(
        "heartbeat_interval",
        default=5.0,
        min=0.1,
        help="Seconds between two heartbeats until volt says otherwise, and "
        "between two checks for images without an instance or a child.",
    ),
    cfg.FloatOpt(
        "place_timeout",
        default=20.0,
        min=0.0,
        help="Seconds to ask volt for a place in the tree while it has none; "
        "then the image server is read.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CoordinatorSettings:
    """The values of the options of volt; times in seconds.

    ``master_session`` is a session of keystoneauth1, where volt asks keystone.
    """

    master_ip: str | None
    master_port: int
    master_token_file: Path | None
    heartbeat_interval: float
    place_timeout: float
    master_session: Any = None


def read(conf: cfg.ConfigOpts) -> CoordinatorSettings:
    """Return the values of these options.

    :raises ConfigError: a value cannot be used, or two exclude each other.
    """
    token, session = conf.master_token_file, keystone.session(conf)
    if token and session:
        raise ConfigError(
            f"master_token_file and the section [{keystone.GROUP}]: volt "
            "asks for a secret or for a token of keystone; give one of them"
        )
    return CoordinatorSettings(
        master_ip=conf.master_ip,
        master_port=conf.master_port,
        master_token_file=file(token),
        heartbeat_interval=conf.heartbeat_interval,
        place_timeout=conf.place_timeout,
        master_session=session,
    )
