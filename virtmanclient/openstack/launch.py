# SPDX-License-Identifier: Apache-2.0
"""Boot servers and watch them until they are ACTIVE or have failed."""

from __future__ import annotations

from collections.abc import Sequence

from virtmanclient.openstack.batch import Batch
from virtmanclient.openstack.cloud import Cloud, Server
from virtmanclient.openstack.request_state import Pace, Record, State
from virtmanclient.openstack.server_requests import ServerRequest

LOOKS = 2
"""The number of looks in a row that must miss a server to count as deleted.

A list is made of several databases (build requests, then cells), between
which a server moves once.
"""


class Launch(Batch):
    """A run that boots servers; an existing one is not made again."""

    def __init__(
        self, cloud: Cloud, requests: Sequence[ServerRequest], pace: Pace
    ) -> None:
        super().__init__(cloud, requests, pace)
        self._ordered: set[tuple[str, str]] = set()

    def _adopt(self, record: Record, there: Sequence[Server]) -> None:
        if record.request.key in self._ordered:
            record.end(State.SKIPPED, self.seconds, "ordered before")
            return
        self._ordered.add(record.request.key)
        if there:
            record.state, record.server = State.ASKED, there[0].id
            record.message, record.since = "was there", self.seconds
            self._judge(record, there[0])

    def _ask(self, record: Record) -> str:
        return self._cloud.create(record.request)

    def _judge(self, record: Record, server: Server | None) -> None:
        if server is None:
            record.missed += 1
            if record.missed >= LOOKS:
                why = "the server was deleted by another program or user"
                record.end(State.FAILED, self.seconds, why)
            return
        record.missed = 0
        record.host = server.host
        if server.status == "ERROR":
            why = server.fault or "Nova gives no reason"
            record.end(State.FAILED, self.seconds, why)
        elif server.status != "BUILD":
            # A server of an earlier run may be in any state by now.
            record.end(State.OK, self.seconds)
            if server.status != "ACTIVE":
                record.message = f"is {server.status}"
