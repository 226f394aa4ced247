# SPDX-License-Identifier: Apache-2.0
"""The operator's settings of the trees, for all modules that use them."""

from __future__ import annotations

import dataclasses

from volt.executor.policy import Policy
from volt.pace import Pace


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The growth of trees and the longest silence of their nodes."""

    policy: Policy
    fanout: int = 2
    """The fan-out of new trees; a tree keeps its first one."""
    pace: Pace = dataclasses.field(default_factory=Pace)
    reservation: float = 120.0
    """Seconds for which a place is kept until its node registers."""
