# SPDX-License-Identifier: Apache-2.0
"""The flashcache group, of the engine of that name."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

OPTIONS = [
    cfg.StrOpt(
        "fcg_name",
        default="fcg",
        help="Name of the flashcache group's devices.",
    ),
    cfg.ListOpt(
        "fcg_ssds",
        default=["/dev/loop0"],
        help="Block devices that the flashcache group caches on.",
    ),
    cfg.StrOpt(
        "fcg_blocksize",
        default="4k",
        choices=["4k", "8k", "16k"],
        help="Block size of the flashcache group.",
    ),
    cfg.StrOpt(
        "fcg_pattern",
        default="back",
        choices=["back", "through", "around"],
        help="How the flashcache group writes.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FlashcacheSettings:
    """The values of the options of the flashcache group."""

    fcg_name: str
    fcg_ssds: tuple[str, ...]
    fcg_blocksize: str
    fcg_pattern: str


def read(conf: cfg.ConfigOpts) -> FlashcacheSettings:
    """Return the values of these options."""
    return FlashcacheSettings(
        fcg_name=conf.fcg_name,
        fcg_ssds=tuple(conf.fcg_ssds),
        fcg_blocksize=conf.fcg_blocksize,
        fcg_pattern=conf.fcg_pattern,
    )
