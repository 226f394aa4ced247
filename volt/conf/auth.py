# SPDX-License-Identifier: Apache-2.0
"""Options of admission: which callers may use the API."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

opts = [
    cfg.StrOpt(
        "auth_strategy",
        default="token",
        choices=[
            (
                "token",
                "callers that show a secret of token_file in X-Auth-Token",
            ),
            (
                "keystone",
                "callers with a token of OpenStack's Identity service",
            ),
            ("noauth", "every caller on this host; see noauth_anywhere"),
        ],
        help="Callers that may use the API.",
    ),
    cfg.StrOpt(
        "token_file",
        help="File with the shared secret; needed by auth_strategy = token.  "
        "With several lines each is valid.  For example: (umask 027; openssl "
        "rand -hex 32 > /etc/volt/token)",
    ),
    cfg.BoolOpt(
        "noauth_anywhere",
        default=False,
        help="Let auth_strategy = noauth serve other hosts than this one, "
        "too.  Every caller that reaches the port may then do everything: for "
        "closed networks only.",
    ),
    cfg.StrOpt(
        "metrics_access",
        default="local",
        choices=[
            ("local", "callers on this host; others as auth_strategy says"),
            ("all", "every caller that reaches the port"),
            (
                "admitted",
                "callers that auth_strategy lets in, on this host too",
            ),
        ],
        help="Callers that may read /metrics, which names the volumes and "
        "tells the number of nodes, but changes nothing.  A caller behind a "
        "proxy on this host is not a local one.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of admission."""
    conf.register_opts(opts)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return the options of admission for the sample generator."""
    return [(None, opts)]
