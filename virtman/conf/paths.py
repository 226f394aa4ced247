# SPDX-License-Identifier: Apache-2.0
"""The paths: how many sources an image has, and how long they may take."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

OPTIONS = [
    cfg.IntOpt(
        "live_sources",
        default=2,
        min=1,
        help="How many of an image's sources to keep logged in: the parent "
        "and what takes over when it dies.",
    ),
    cfg.FloatOpt(
        "source_timeout",
        default=60.0,
        min=1.0,
        help="Seconds a create waits for the first source to answer.",
    ),
    cfg.FloatOpt(
        "standby_wait",
        default=5.0,
        min=0.0,
        help="Seconds the parent has to appear before the next source is "
        "read in its place, and before volt is told that it has failed.",
    ),
    cfg.FloatOpt(
        "no_source_timeout",
        default=0.0,
        min=0.0,
        help="Seconds that reads wait while no source of an image lives; then "
        "they fail, as those of a disk that is gone, until one is back. 0: "
        "they wait for ever.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PathSettings:
    """The values of the options of the paths; times in seconds."""

    live_sources: int
    source_timeout: float
    standby_wait: float
    no_source_timeout: float


def read(conf: cfg.ConfigOpts) -> PathSettings:
    """Return the values of these options."""
    return PathSettings(
        live_sources=conf.live_sources,
        source_timeout=conf.source_timeout,
        standby_wait=conf.standby_wait,
        no_source_timeout=conf.no_source_timeout,
    )
