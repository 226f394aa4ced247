# SPDX-License-Identifier: Apache-2.0
"""Checks a host for everything that the agent needs, and for orphans.

One small file a check; each yields findings, changes nothing, and asks the
host anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from virtman.conf import Settings
from virtman.doctor import (
    daemons,
    door,
    engines,
    interference,
    kernel,
    leftovers,
    ports,
    privileges,
    programs,
    space,
    volt,
)
from virtman.doctor.finding import Finding, Level
from virtman.exception import VirtmanError

__all__ = ["CHECKS", "Finding", "Level", "examine"]

Check = Callable[[Settings], Iterator[Finding]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("programs", programs.look),
    ("kernel", kernel.look),
    ("privileges", privileges.look),
    ("daemons", daemons.look),
    ("interference", interference.look),
    ("door", door.look),
    ("ports", ports.look),
    ("space", space.look),
    ("engines", engines.look),
    ("volt", volt.look),
    ("leftovers", leftovers.look),
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings of all checks; a check that fails is a finding."""
    for name, look in CHECKS:
        try:
            yield from look(settings)
        except (VirtmanError, OSError) as error:
            yield Finding(
                name,
                Level.ERROR,
                f"the check failed: {error}",
                "mend what the error or another line names, and check again",
            )
