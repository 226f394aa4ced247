# SPDX-License-Identifier: Apache-2.0
"""Many requests side by side, and one look at all servers from time to time.

A few threads make the requests.  The caller's thread sees their outcome, by
one list of all servers a look, never by a call a server.
"""

from __future__ import annotations

import abc
import collections
import time
from collections.abc import Iterator, Sequence

from virtmanclient.openstack.cloud import Cloud, Server
from virtmanclient.openstack.errors import CloudError
from virtmanclient.openstack.request_pool import RequestPool
from virtmanclient.openstack.request_state import OPEN, Pace, Record, State
from virtmanclient.openstack.server_requests import ServerRequest

GRACE = 5.0
"""Seconds after Ctrl-C to learn the outcome of requests under way."""


class Batch(abc.ABC):
    """One run over some orders.

    :param cloud: the cloud to ask
    :param orders: the servers to boot or delete
    :param pace: at which the cloud is asked
    """

    def __init__(
        self, cloud: Cloud, requests: Sequence[ServerRequest], pace: Pace
    ) -> None:
        self._cloud = cloud
        self._pace = pace
        self._began = time.monotonic()
        self.records = [Record(request) for request in requests]
        self._pool = RequestPool(self._ask, pace.parallel)
        self.error = ""
        """Why the last look at the cloud failed; empty if it succeeded."""

    @abc.abstractmethod
    def _adopt(self, record: Record, there: Sequence[Server]) -> None:
        """Note an order's existing servers, before any request is made."""

    @abc.abstractmethod
    def _ask(self, record: Record) -> str:
        """Make the request of a record, in a thread; return the server's id.

        Any exception is the record's failure.
        """

    @abc.abstractmethod
    def _judge(self, record: Record, server: Server | None) -> None:
        """Note the state of a server that Nova works on, None if missing."""

    @property
    def seconds(self) -> float:
        """The seconds since the run began."""
        return time.monotonic() - self._began

    def steps(self, tick: float) -> Iterator[None]:
        """Run the orders, and yield whenever a record may have changed.

        :param tick: yield at least so often, in seconds
        :raises CloudError: the first look at the cloud fails
        """
        self._begin()
        due = self.seconds + self._pace.poll
        while self._open():
            yield
            self._take(min(tick, max(0.0, due - self.seconds)))
            if self.seconds >= due:
                taken = self._look()
                # A slow cloud is asked less often: half of the time at most.
                due = self.seconds + max(self._pace.poll, taken)

    def interrupt(self) -> None:
        """Make no more requests; wait a little for those under way."""
        self._pool.stop()
        end = self.seconds + GRACE
        self._take(0)
        while self._asking() and self.seconds < end:
            self._take(end - self.seconds)
        for record in self.records:
            if record.state is State.WAITING:
                record.end(State.INTERRUPTED, self.seconds, "not requested")
            elif record.state in OPEN:
                record.end(State.INTERRUPTED, self.seconds, "Nova goes on")

    def _begin(self) -> None:
        there = collections.defaultdict(list)
        for server in self._cloud.servers():
            there[server.key].append(server)
        for record in [*self.records]:
            self._adopt(record, there[record.request.key])
        self._pool.begin(
            record for record in self.records if record.state is State.WAITING
        )

    def _take(self, seconds: float) -> None:
        """Take the outcomes of requests; wait for them a number of seconds."""
        # Read before the outcomes: they have all requests begun by then.
        unretryable = self._pool.unretryable
        for record, answer in self._pool.outcomes(seconds):
            self._note(record, answer)
        if unretryable:
            self._skip(unretryable)

    def _note(self, record: Record, answer: str | Exception | None) -> None:
        if answer is None:
            record.state = State.ASKING
            return
        if isinstance(answer, str):
            record.state, record.server = State.ASKED, answer
            record.requested = record.since = self.seconds
        else:
            record.end(State.FAILED, self.seconds, _words(answer))

    def _skip(self, after: str) -> None:
        """Leave out the orders that were not requested.

        :param after: the server whose message has the reason
        """
        for record in self.records:
            if record.state is State.WAITING:
                why = f"not requested: see the message of {after}"
                record.end(State.SKIPPED, self.seconds, why)

    def _look(self) -> float:
        """Look at all servers once; return the seconds that it took."""
        asked = [
            record for record in self.records if record.state is State.ASKED
        ]
        before = self.seconds
        try:
            there = {server.id: server for server in self._cloud.servers()}
            self.error = ""
        except CloudError as error:
            # A cloud under load may fail a look; the deadlines go on.
            self.error = str(error)
        else:
            for record in asked:
                self._judge(record, there.get(record.server))
        for record in asked:
            self._expire(record)
        return self.seconds - before

    def _expire(self, record: Record) -> None:
        age = self.seconds - record.since
        if record.state is State.ASKED and age > self._pace.timeout:
            why = f"not done in {self._pace.timeout:g} s; Nova goes on"
            record.end(State.LATE, self.seconds, self.error or why)

    def _open(self) -> bool:
        return any(record.state in OPEN for record in self.records)

    def _asking(self) -> bool:
        return any(record.state is State.ASKING for record in self.records)


def _words(error: Exception) -> str:
    """Return the message of an error, with its class if it is unexpected."""
    if isinstance(error, CloudError):
        return str(error)
    return f"{type(error).__name__}: {error}"
