# SPDX-License-Identifier: Apache-2.0
"""Checks the host for orphans: the agent's things that are not needed."""

from __future__ import annotations

from collections.abc import Iterator

from virtman.cache import engine
from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.inventory import resources
from virtman.state import files, intents

_CHECK = "leftovers"


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each orphan, or one finding without any."""
    wanted = intents.peek(files.intents_folder(settings.state_dir))
    cache = engine.load(settings)
    orphans = resources.orphans(
        resources.list_resources(settings, cache, wanted), wanted
    )
    for resource in orphans:
        yield Finding(
            _CHECK, Level.WARNING,
            f"{resource.kind} {resource.name} is an orphan of the agent",
            "the agent removes it when it starts; or stop the agent, and "
            "'virtman purge' removes everything of the agent",
        )  # fmt: skip
    if not orphans:
        yield Finding(_CHECK, Level.OK, "nothing is left over")
