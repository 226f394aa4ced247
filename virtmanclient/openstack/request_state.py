# SPDX-License-Identifier: Apache-2.0
"""What becomes of each order of a run, and how hard a run drives a cloud."""

from __future__ import annotations

import dataclasses
import enum

from virtmanclient.openstack.server_requests import Order


class State(enum.StrEnum):
    """How far an order is; those from OK on are final."""

    WAITING = "waiting"
    ASKING = "asking"  # the request is under way
    ASKED = "asked"  # Nova has taken it and works on it
    OK = "ok"
    FAILED = "failed"
    LATE = "late"  # not done in time; Nova may go on with it
    SKIPPED = "skipped"  # no request like it would have done any better
    INTERRUPTED = "interrupted"


OPEN = (State.WAITING, State.ASKING, State.ASKED)


@dataclasses.dataclass(slots=True)
class Record:
    """What became of an order; times are seconds since the run began.

    :param requested: when Nova had taken the request
    :param done: when it was first seen done, or failed
    :param since: from when on its time is counted
    :param missed: so many looks in a row did not show it
    """

    order: Order
    state: State = State.WAITING
    server: str = ""
    host: str = ""
    requested: float | None = None
    done: float | None = None
    message: str = ""
    since: float = 0.0
    missed: int = 0

    def end(self, state: State, seconds: float, message: str = "") -> None:
        """Note how it ended, and when."""
        self.state, self.done = state, seconds
        self.message = message or self.message


@dataclasses.dataclass(frozen=True, slots=True)
class Pace:
    """How hard a cloud is driven.

    :param parallel: requests under way at once
    :param poll: seconds between two looks; more if a look takes longer
    :param timeout: seconds for one server, from its request on
    """

    parallel: int = 8
    poll: float = 2.0
    timeout: float = 600.0
