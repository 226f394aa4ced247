# SPDX-License-Identifier: Apache-2.0
"""All options of the agent, one file a topic; all in [DEFAULT], as they were.

``host_port`` and ``thread_pool_size`` have no effect any more; a file that
still has them is accepted with a warning.  The records of the topics have
neither ``==`` nor a text of their own: Settings has both, and what dataclasses
generates costs each start a millisecond a class.
"""

from __future__ import annotations

from oslo_config import cfg

from virtman.conf import (
    cache,
    coordinator,
    doors,
    flashcache,
    host,
    paths,
    stores,
    targets,
)

TOPICS = (
    host, doors, targets, coordinator, cache, stores, paths, flashcache,
)  # fmt: skip
_GONE = "Has had no effect since the agent was rewritten."
CLI = [*host.CLI, *doors.CLI]
OPTIONS = [
    *(option for topic in TOPICS for option in topic.OPTIONS),
    cfg.IntOpt("host_port", deprecated_for_removal=True, help=_GONE),
    cfg.IntOpt("thread_pool_size", deprecated_for_removal=True, help=_GONE),
]
