# SPDX-License-Identifier: Apache-2.0
"""Many requests side by side, and one look at all servers from time to time.

A few threads make the requests.  What becomes of them is seen in the thread
of the caller, by one list of all servers a look, never by a call a server.
"""

from __future__ import annotations

import abc
import collections
import time
from collections.abc import Iterator, Sequence

from virtmanclient.openstack.cloud import Cloud, Server
from virtmanclient.openstack.errors import CloudError
from virtmanclient.openstack.request_pool import Lanes
from virtmanclient.openstack.request_state import OPEN, Pace, Record, State
from virtmanclient.openstack.server_requests import Order

GRACE = 5.0
"""Seconds after Ctrl-C to learn what became of requests under way."""


class Batch(abc.ABC):
    """One run over some orders.

    :param cloud: whom to ask
    :param orders: what for
    :param pace: how hard
    """

    def __init__(
        self, cloud: Cloud, orders: Sequence[Order], pace: Pace
    ) -> None:
        self._cloud = cloud
        self._pace = pace
        self._began = time.monotonic()
        self.records = [Record(order) for order in orders]
        self._lanes = Lanes(self._ask, pace.parallel)
        self.trouble = ""
        """Why the last look at the cloud failed; empty if it did not."""

    @abc.abstractmethod
    def _adopt(self, record: Record, there: Sequence[Server]) -> None:
        """Before any request: note what is there already of an order."""

    @abc.abstractmethod
    def _ask(self, record: Record) -> str:
        """Make the request, in a thread; return the server's id."""

    @abc.abstractmethod
    def _judge(self, record: Record, server: Server | None) -> None:
        """Note what a look shows of an order that Nova works on."""

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return time.monotonic() - self._began

    def steps(self, tick: float) -> Iterator[None]:
        """Work, and yield whenever something may have changed.

        :param tick: at least so often, in seconds
        :raises CloudError: not even the first look succeeds
        """
        self._begin()
        due = self.seconds + self._pace.poll
        while self._open():
            yield
            self._take(min(tick, max(0.0, due - self.seconds)))
            if self.seconds >= due:
                taken = self._look()
                due = self.seconds + max(self._pace.poll, taken)

    def interrupt(self) -> None:
        """Request nothing more; wait a little for what is under way."""
        self._lanes.stop()
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
            self._adopt(record, there[record.order.key])
        self._lanes.begin(
            one for one in self.records if one.state is State.WAITING
        )

    def _take(self, seconds: float) -> None:
        """Take what the threads have to tell; wait for it so long."""
        # Before: what was taken up until then is in the news.
        hopeless = self._lanes.hopeless
        for record, answer in self._lanes.news(seconds):
            self._note(record, answer)
        if hopeless:
            self._skip(hopeless)

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
        """Leave out what has not been taken up."""
        for record in self.records:
            if record.state is State.WAITING:
                why = f"not requested: see {after}"
                record.end(State.SKIPPED, self.seconds, why)

    def _look(self) -> float:
        """Look at all servers once; return how long that took."""
        asked = [one for one in self.records if one.state is State.ASKED]
        before = self.seconds
        try:
            there = {one.id: one for one in self._cloud.servers()}
            self.trouble = ""
        except CloudError as error:
            # A cloud under load may miss one; the deadlines go on.
            self.trouble = str(error)
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
            record.end(State.LATE, self.seconds, self.trouble or why)

    def _open(self) -> bool:
        return any(record.state in OPEN for record in self.records)

    def _asking(self) -> bool:
        return any(one.state is State.ASKING for one in self.records)


def _words(error: Exception) -> str:
    if isinstance(error, CloudError):
        return str(error)
    return f"{type(error).__name__}: {error}"
