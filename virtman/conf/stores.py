# SPDX-License-Identifier: Apache-2.0
"""The COW stores: where the writes of VMs go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

from virtman.conf.values import folder
from virtman.exception import ConfigError

OPTIONS = [
    cfg.StrOpt(
        "snapshot_dir",
        help="File system of the copy-on-write stores; each may grow to a "
        "little more than the image's size. Default: $state_dir/snapshots.",
    ),
    cfg.StrOpt(
        "store_dir",
        help="File system of the copy-on-write stores that this node keeps "
        "for disks of other hosts, as volumes of Cinder have them; each may "
        "grow to a little more than the disk's size. Default: "
        "$state_dir/stores.",
    ),
    cfg.IntOpt(
        "snapshot_chunk",
        default=128,
        min=8,
        max=2048,
        help="Chunk of a snapshot in sectors of 512 bytes, a power of two: "
        "what the first write to it copies.",
    ),
    cfg.IntOpt(
        "snapshot_min_mib",
        default=16,
        min=1,
        help="A copy-on-write device that is given must hold as many MiB.",
    ),
    cfg.IntOpt(
        "snapshot_warn_percent",
        default=80,
        min=1,
        max=100,
        help="How full, in percent, a copy-on-write device that is smaller "
        "than its image gets before the log warns of it.",
    ),
    cfg.BoolOpt(
        "snapshot_with_cache",
        default=False,
        help="Keep copy-on-write stores behind the cache too. No engine can "
        "yet: true is refused at start.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StoreSettings:
    """The values of the options of the COW stores.

    ``snapshot_chunk`` in sectors of 512 bytes, a power of two.
    """

    snapshot_dir: Path
    store_dir: Path
    snapshot_chunk: int
    snapshot_min_mib: int
    snapshot_warn_percent: int


def read(conf: cfg.ConfigOpts) -> StoreSettings:
    """Return the values of these options.

    :raises ConfigError: a value cannot be used, or two exclude each other.
    """
    if conf.snapshot_with_cache:
        raise ConfigError(
            "snapshot_with_cache = true: no cache engine keeps copy-on-write "
            "stores; put snapshot_dir on a fast disk instead"
        )
    if conf.snapshot_chunk & (conf.snapshot_chunk - 1):
        raise ConfigError(
            f"snapshot_chunk = {conf.snapshot_chunk} is not a power of two"
        )
    state = folder(conf.state_dir)
    return StoreSettings(
        snapshot_dir=folder(conf.snapshot_dir or state / "snapshots"),
        store_dir=folder(conf.store_dir or state / "stores"),
        snapshot_chunk=conf.snapshot_chunk,
        snapshot_min_mib=conf.snapshot_min_mib,
        snapshot_warn_percent=conf.snapshot_warn_percent,
    )
