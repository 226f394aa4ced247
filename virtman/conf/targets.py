# SPDX-License-Identifier: Apache-2.0
"""The targets: what other hosts may read and write here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

from virtman.conf.values import folder

OPTIONS = [
    cfg.PortOpt(
        "iscsi_port",
        default=3260,
        help="TCP port on which this node's tgtd serves; told to volt.",
    ),
    cfg.BoolOpt(
        "open_targets",
        default=False,
        help="Let everybody log in to the targets of this node, not only the "
        "nodes that volt sends to it. For readers that are no agents, or "
        "older ones. A node without master_ip does so anyway.",
    ),
    cfg.PortOpt(
        "admission_port",
        default=7775,
        help="TCP port on host_ip at which readers show the tickets that volt "
        "has given them; the same on all nodes.",
    ),
    cfg.ListOpt(
        "image_dirs",
        default=["/srv/images"],
        help="Folders that image files are served from, with all below them; "
        "a link out of them is not followed.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TargetSettings:
    """The values of the options of the targets."""

    iscsi_port: int
    open_targets: bool
    admission_port: int
    image_dirs: tuple[Path, ...]


def read(conf: cfg.ConfigOpts) -> TargetSettings:
    """Return the values of these options."""
    return TargetSettings(
        iscsi_port=conf.iscsi_port,
        open_targets=conf.open_targets,
        admission_port=conf.admission_port,
        image_dirs=tuple(map(folder, conf.image_dirs)),
    )
