# SPDX-License-Identifier: Apache-2.0
"""What a check says of the host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is: an error keeps the agent, or a VM, from its work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; without a remedy there is nothing to do.

    :param check: which check looked.
    :param what: the thing and how it is.
    """

    check: str
    level: Level
    what: str
    remedy: str = ""
