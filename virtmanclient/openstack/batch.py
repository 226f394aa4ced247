# SPDX-License-Identifier: Apache-2.0
"""Many requests side by side, and one look at all servers from time to time.

A few threads make the requests.  What becomes of them is seen in the thread
of the caller, by one list of all servers a look, never by a call a server.
"""

from __future__ import annotations

import abc
import collections
import contextlib
import dataclasses
import enum
import queue
import threading
import time
from collections.abc import Iterator, Sequence

from virtmanclient.openstack.cloud import Cloud, Server
from virtmanclient.openstack.faults import CloudError, Hopeless
from virtmanclient.openstack.orders import Order

GRACE = 5.0
"""Seconds after Ctrl-C to learn what became of requests under way."""


class State(enum.StrEnum):
    """How far an order is; those from OK on are final."""

    WAITING = 'waiting'
    ASKING = 'asking'  # the request is under way
    ASKED = 'asked'  # Nova has taken it and works on it
    OK = 'ok'
    FAILED = 'failed'
    LATE = 'late'  # not done in time; Nova may go on with it
    SKIPPED = 'skipped'  # no request like it would have done any better
    INTERRUPTED = 'interrupted'


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
    server: str = ''
    host: str = ''
    requested: float | None = None
    done: float | None = None
    message: str = ''
    since: float = 0.0
    missed: int = 0

    def end(self, state: State, seconds: float, message: str = '') -> None:
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
        self._waiting: collections.deque[Record] = collections.deque()
        self._answers: queue.Queue[tuple[Record, str | Exception | None]]
        self._answers = queue.Queue()
        self._lock = threading.Lock()
        self._stopped = False
        self._hopeless = ''
        self.trouble = ''
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
        self._stop()
        end = self.seconds + GRACE
        self._take(0)
        while self._asking() and self.seconds < end:
            self._take(end - self.seconds)
        for record in self.records:
            if record.state is State.WAITING:
                record.end(State.INTERRUPTED, self.seconds, 'not requested')
            elif record.state in OPEN:
                record.end(State.INTERRUPTED, self.seconds, 'Nova goes on')

    def _begin(self) -> None:
        there = collections.defaultdict(list)
        for server in self._cloud.servers():
            there[server.key].append(server)
        for record in [*self.records]:
            self._adopt(record, there[record.order.key])
        self._waiting.extend(
            one for one in self.records if one.state is State.WAITING
        )
        for _ in range(min(self._pace.parallel, len(self._waiting))):
            # Daemons: nobody must wait for a cloud that does not answer.
            threading.Thread(
                target=self._work, name='nova-request', daemon=True
            ).start()

    def _work(self) -> None:
        while (record := self._next()) is not None:
            try:
                answer: str | Exception = self._ask(record)
            except Exception as error:  # else the run would wait for it
                answer = error
            if isinstance(answer, Hopeless):
                self._stop()
            self._answers.put((record, answer))

    def _next(self) -> Record | None:
        """Take one up.  After a stop none is, and of each it is known."""
        with self._lock:
            if self._stopped or not self._waiting:
                return None
            record = self._waiting.popleft()
            self._answers.put((record, None))
            return record

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True

    def _take(self, seconds: float) -> None:
        """Take what the threads have to tell; wait for it so long."""
        with contextlib.suppress(queue.Empty):
            self._note(*self._answers.get(timeout=max(0.001, seconds)))
            while True:
                self._note(*self._answers.get_nowait())
        if self._hopeless:
            self._skip()

    def _note(self, record: Record, answer: str | Exception | None) -> None:
        if answer is None:
            record.state = State.ASKING
        elif isinstance(answer, str):
            record.state, record.server = State.ASKED, answer
            record.requested = record.since = self.seconds
        else:
            record.end(State.FAILED, self.seconds, _words(answer))
            if isinstance(answer, Hopeless):
                self._hopeless = self._hopeless or record.order.name

    def _skip(self) -> None:
        """Leave out what has not been taken up."""
        for record in self.records:
            if record.state is State.WAITING:
                why = f'not requested: see {self._hopeless}'
                record.end(State.SKIPPED, self.seconds, why)

    def _look(self) -> float:
        """Look at all servers once; return how long that took."""
        asked = [one for one in self.records if one.state is State.ASKED]
        before = self.seconds
        try:
            there = {one.id: one for one in self._cloud.servers()}
            self.trouble = ''
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
            why = f'not done in {self._pace.timeout:g} s; Nova goes on'
            record.end(State.LATE, self.seconds, self.trouble or why)

    def _open(self) -> bool:
        return any(record.state in OPEN for record in self.records)

    def _asking(self) -> bool:
        return any(one.state is State.ASKING for one in self.records)


def _words(error: Exception) -> str:
    if isinstance(error, CloudError):
        return str(error)
    return f'{type(error).__name__}: {error}'
