# SPDX-License-Identifier: Apache-2.0
"""The cache: which engine keeps the blocks, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

from virtman.conf.values import folder

OPTIONS = [
    cfg.StrOpt(
        "cache_engine",
        default="qemu",
        help="What keeps the blocks: 'qemu' (copy-on-read by "
        "qemu-storage-daemon) or 'flashcache' (needs that kernel module, "
        "which builds on kernels up to about 4.12).",
    ),
    cfg.StrOpt(
        "cache_dir",
        help="File system of the cached images; each may grow to the image's "
        "size. Default: $state_dir/cache.",
    ),
    cfg.IntOpt(
        "cache_max_mib",
        default=0,
        min=0,
        help="MiB that the cached images of this node may take up together, "
        "each counted in full; 0: as many as cache_dir's file system has. For "
        "the engine qemu.",
    ),
    cfg.IntOpt(
        "cache_free_mib",
        default=64,
        min=0,
        help="MiB of cache_dir's file system that cached images leave free. "
        "For the engine qemu.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CacheSettings:
    """The values of the options of the cache; sizes in MiB."""

    cache_engine: str
    cache_dir: Path
    cache_max_mib: int
    cache_free_mib: int


def read(conf: cfg.ConfigOpts) -> CacheSettings:
    """Return the values of these options."""
    return CacheSettings(
        cache_engine=conf.cache_engine,
        cache_dir=folder(conf.cache_dir or folder(conf.state_dir) / "cache"),
        cache_max_mib=conf.cache_max_mib,
        cache_free_mib=conf.cache_free_mib,
    )
