# SPDX-License-Identifier: Apache-2.0
"""What the operator decided about the trees, for all who work on them."""

import dataclasses

from volt.executor.policy import Policy
from volt.pace import Pace


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """How trees grow and how long their nodes may be silent."""

    policy: Policy
    fanout: int = 2
    """Of the trees to come; a tree keeps the one with which it began."""
    pace: Pace = dataclasses.field(default_factory=Pace)
    reservation: float = 120.0
    """Seconds for which a place is kept that nobody registers for."""
