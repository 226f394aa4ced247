# SPDX-License-Identifier: Apache-2.0
"""Options of the trees: their shape, and when a node leaves them."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

opts = [
    cfg.StrOpt(
        "default_executor",
        default="btree",
        help="Policy that chooses the extra parents of a node: btree takes "
        "them from another branch, btreewithuncle takes the siblings of the "
        "tree parent.  Others are found by the entry points volt.executor.",
    ),
    cfg.IntOpt(
        "fanout",
        default=2,
        min=1,
        help="Nodes that read from one node, and from all image servers "
        "together.  A tree keeps the fan-out with which it began.",
    ),
    cfg.IntOpt(
        "parents",
        default=2,
        min=1,
        help="Nodes that one node reads from, the tree parent included.",
    ),
    cfg.FloatOpt(
        "heartbeat_interval",
        default=5.0,
        min=0.1,
        help="Least seconds between two beats of a node.  volt tells agents "
        "when to beat again: later, the more nodes beat.",
    ),
    cfg.FloatOpt(
        "beats_per_second",
        default=250.0,
        min=0.1,
        help="Most beats that all nodes together send.  It sets the time "
        "between two beats of a node in a large cluster: 10000 nodes beat "
        "every 40 s with the default.",
    ),
    cfg.FloatOpt(
        "old_heartbeat_interval",
        default=20.0,
        min=0.1,
        help="Seconds between two beats of a client of the first VMThunder, "
        "to which volt cannot give another time.",
    ),
    cfg.IntOpt(
        "missed_beats",
        default=3,
        min=1,
        help="Beats that a node may miss before it is evicted; that is 15 s "
        "with the defaults in a small cluster, 60 s for old clients.",
    ),
    cfg.FloatOpt(
        "reservation_timeout",
        default=120.0,
        min=1.0,
        help="Seconds for which a place is kept for a node that has asked "
        "for it and not registered.",
    ),
    cfg.FloatOpt(
        "ticket_life",
        default=120.0,
        min=1.0,
        help="Seconds for which a node may log in to another node that it is "
        "sent to.  It gets a new ticket with each beat.  A node that has been "
        "sent elsewhere can come back during this time; set more than twice "
        "the time between two beats.",
    ),
    cfg.FloatOpt(
        "server_ticket_life",
        default=86400.0,
        min=1.0,
        help="Seconds for which a node may log in to an image server that it "
        "is sent to.  While volt is away, the node can begin to read from the "
        "image server during this time.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the trees."""
    conf.register_opts(opts)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return the options of the trees for the sample generator."""
    return [(None, opts)]
