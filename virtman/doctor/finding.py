# SPDX-License-Identifier: Apache-2.0
"""Findings: the results of the checks of a host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """The level of a finding: an error keeps the agent or VMs from work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """The result of one check of one thing; without a remedy all is well.

    :param check: the name of the check.
    :param text: the checked object and its state.
    """

    check: str
    level: Level
    text: str
    remedy: str = ""
