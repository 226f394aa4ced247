# SPDX-License-Identifier: Apache-2.0
"""The state of each order of a run, and how hard a run drives a cloud."""

from __future__ import annotations

import dataclasses
import enum

from virtmanclient.openstack.server_requests import ServerRequest


class State(enum.StrEnum):
    """The state of an order; OK and those after it are final."""

    WAITING = "waiting"
    ASKING = "asking"  # the request is under way
    ASKED = "asked"  # Nova has accepted the request and works on it
    OK = "ok"
    FAILED = "failed"
    LATE = "late"  # not done in time; Nova may go on with it
    SKIPPED = "skipped"  # not requested: the request would have failed, too
    INTERRUPTED = "interrupted"


OPEN = (State.WAITING, State.ASKING, State.ASKED)


@dataclasses.dataclass(slots=True)
class Record:
    """The course of an order; times are seconds since the run began.

    :param requested: when Nova had accepted the request
    :param done: when the server was first seen done, or failed
    :param since: the time from which ``Pace.timeout`` counts
    :param missed: the number of looks in a row that did not show the server
    """

    request: ServerRequest
    state: State = State.WAITING
    server: str = ""
    host: str = ""
    requested: float | None = None
    done: float | None = None
    message: str = ""
    since: float = 0.0
    missed: int = 0

    def end(self, state: State, seconds: float, message: str = "") -> None:
        """Note how the order ended, and when."""
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
