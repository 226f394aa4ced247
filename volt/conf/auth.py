# SPDX-License-Identifier: Apache-2.0
"""Options of the door: who may use the API."""

from typing import Any

from oslo_config import cfg

opts = [
    cfg.StrOpt(
        'auth_strategy',
        default='token',
        choices=[
            ('token', "the shared secret of token_file in X-Auth-Token"),
            ('noauth', "everybody who reaches the port"),
        ],
        help="Who is let in.",
    ),
    cfg.StrOpt(
        'token_file',
        help="File with the shared secret, one line; needed by "
        "auth_strategy = token.  For example: "
        "openssl rand -hex 32 > /etc/volt/token",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register them."""
    conf.register_opts(opts)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return them for the sample generator."""
    return [(None, opts)]
