# SPDX-License-Identifier: Apache-2.0
"""Looks a host over: is all there that the agent needs, and nothing else.

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
    """Yield every finding; a check that fails is one, and the next goes on."""
    for name, look in CHECKS:
        try:
            yield from look(settings)
        except (VirtmanError, OSError) as error:
            yield Finding(
                name,
                Level.ERROR,
                f"it cannot be told: {error}",
                "mend what is named, or what other lines name; check again",
            )
