# SPDX-License-Identifier: Apache-2.0
"""Options of the server: where it listens and where it keeps its state."""

from typing import Any

from oslo_config import cfg

opts = [
    cfg.HostAddressOpt(
        'bind_host',
        default='0.0.0.0',  # noqa: S104 - agents are on other hosts
        help="Address to listen on; :: listens on IPv4 and IPv6.",
    ),
    cfg.PortOpt('bind_port', default=7447, help="TCP port to listen on."),
    cfg.IntOpt(
        'backlog',
        default=4096,
        min=1,
        help="Connections that may wait to be accepted.",
    ),
    cfg.IntOpt(
        'tcp_keepidle',
        default=600,
        min=1,
        help="Seconds of silence after which TCP asks whether the peer of "
        "an open connection is still there.",
    ),
    cfg.IntOpt(
        'max_header_line',
        default=16384,
        min=1024,
        help="Longest request or header line, in bytes.",
    ),
    cfg.StrOpt(
        'state_dir',
        default='/var/lib/volt',
        help="Directory of the SQLite registry.  It is made if it is missing.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register them."""
    conf.register_opts(opts)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return them for the sample generator."""
    return [(None, opts)]
