# SPDX-License-Identifier: Apache-2.0
"""Options of the server: where and how it listens, where its state is."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

opts = [
    cfg.HostAddressOpt(
        "bind_host",
        default="0.0.0.0",  # noqa: S104 - agents are on other hosts
        help="Address to listen on; :: listens on IPv4 and IPv6.",
    ),
    cfg.PortOpt("bind_port", default=7447, help="TCP port to listen on."),
    cfg.IntOpt(
        "backlog",
        default=4096,
        min=1,
        help="Connections that may wait to be accepted.",
    ),
    cfg.IntOpt(
        "tcp_keepidle",
        default=600,
        min=1,
        help="Seconds of silence after which TCP asks whether the peer of "
        "an open connection is still there.",
    ),
    cfg.IntOpt(
        "max_header_line",
        default=16384,
        min=1024,
        help="Longest request or header line, in bytes.",
    ),
    cfg.IntOpt(
        "workers",
        default=1,
        min=0,
        help="Processes that serve.  1 (or 0): the process that was started.  "
        "More: that process supervises so many workers, which share the "
        "address and the registry.",
    ),
    cfg.FloatOpt(
        "drain_timeout",
        default=10.0,
        min=0.0,
        help="Seconds for requests under way to finish when the service ends.",
    ),
    cfg.StrOpt(
        "cert_file",
        help="Certificate of this service, then the certificates between it "
        "and its authority, PEM; together with key_file it turns TLS on.",
    ),
    cfg.StrOpt(
        "key_file",
        help="Private key of cert_file, PEM, without a pass phrase.",
    ),
    cfg.StrOpt(
        "ca_file",
        help="Certificates of authorities, PEM.  Every client then has to "
        "show a certificate that one of them signed.  Needs cert_file and "
        "key_file.",
    ),
    cfg.StrOpt(
        "state_dir",
        default="/var/lib/volt",
        help="Directory of the SQLite registry.  It is made if it is missing.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the server."""
    conf.register_opts(opts)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return the options of the server for the sample generator."""
    return [(None, opts)]
