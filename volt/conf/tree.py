# SPDX-License-Identifier: Apache-2.0
"""Options of the trees: their shape, and when a node leaves them."""

from typing import Any

from oslo_config import cfg

opts = [
    cfg.StrOpt(
        'default_executor',
        default='btree',
        help="Which peers are the extra parents of a node: btree takes them "
        "from another branch, btreewithuncle takes the siblings of the tree "
        "parent.  Others are found by the entry points volt.executor.",
    ),
    cfg.IntOpt(
        'fanout',
        default=2,
        min=1,
        help="Nodes that read from one node, and from all image servers "
        "together.  A tree keeps the fan-out with which it began.",
    ),
    cfg.IntOpt(
        'parents',
        default=2,
        min=1,
        help="Nodes that one node reads from, the tree parent included.",
    ),
    cfg.FloatOpt(
        'heartbeat_interval',
        default=5.0,
        min=0.1,
        help="Seconds between two beats of a node.",
    ),
    cfg.IntOpt(
        'missed_beats',
        default=3,
        min=1,
        help="Beats that a node may miss before it is evicted.",
    ),
    cfg.FloatOpt(
        'reservation_timeout',
        default=120.0,
        min=1.0,
        help="Seconds for which a place is kept for a node that has asked "
        "for it and not registered.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register them."""
    conf.register_opts(opts)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return them for the sample generator."""
    return [(None, opts)]
