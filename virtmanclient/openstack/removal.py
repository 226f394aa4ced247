# SPDX-License-Identifier: Apache-2.0
"""Delete servers that were made here, and watch until they are gone."""

from __future__ import annotations

from collections.abc import Sequence

from virtmanclient.openstack.batch import Batch
from virtmanclient.openstack.cloud import Server
from virtmanclient.openstack.request_state import Record, State


class Removal(Batch):
    """A run that deletes servers; a missing one is gone already.

    Only a server with the tag, name and mark of an order is touched: the list
    of servers has our tag alone, and an order finds a server by name and mark
    (Batch).
    """

    def _adopt(self, record: Record, there: Sequence[Server]) -> None:
        if not there:
            record.end(State.OK, self.seconds, "was not there")
            return
        # Two launches at one time may have made two servers of an order.
        others = [Record(record.request) for _ in there[1:]]
        self.records += others
        for entry, server in zip([record, *others], there, strict=True):
            entry.server, entry.host = server.id, server.host

    def _ask(self, record: Record) -> str:
        self._cloud.delete(record.server)
        return record.server

    def _judge(self, record: Record, server: Server | None) -> None:
        if server is None:
            record.end(State.OK, self.seconds)
        elif server.status == "ERROR" and not server.leaving:
            why = server.fault or "Nova gives no reason"
            record.end(State.FAILED, self.seconds, f"not deleted: {why}")
