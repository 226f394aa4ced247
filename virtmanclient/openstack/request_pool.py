# SPDX-License-Identifier: Apache-2.0
"""A few threads that make requests and put the outcomes into a queue.

After a stop it is certain which requests were begun: a thread takes a request
up, and reports that, under one lock.
"""

from __future__ import annotations

import collections
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator

from virtmanclient.openstack.errors import NoAnswer, Unretryable
from virtmanclient.openstack.request_state import Record

SILENT = 3
"""The number of requests in a row without an answer (or the number of threads,
if that is more) after which no more are made: each takes a minute to fail."""

Outcome = tuple[Record, str | Exception | None]
"""A record and the server's id, its error, or None: the request is begun."""


class RequestPool:
    """The threads that make the requests of records.

    :param ask: makes the request of a record, returns the server's id
    :param parallel: the number of threads
    """

    def __init__(self, ask: Callable[[Record], str], parallel: int) -> None:
        self._ask = ask
        self._parallel = parallel
        self._lock = threading.Lock()
        self._waiting: collections.deque[Record] = collections.deque()
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._stopped = False
        self._silent = 0
        self.unretryable = ""
        """The server whose request ended all requests; empty if none did."""

    def begin(self, records: Iterable[Record]) -> None:
        """Start the threads on the requests of records."""
        self._waiting.extend(records)
        for _ in range(min(self._parallel, len(self._waiting))):
            # Daemons: the program must not wait for a silent cloud at its end.
            threading.Thread(
                target=self._work, name="nova-request", daemon=True
            ).start()

    def outcomes(self, seconds: float) -> Iterator[Outcome]:
        """Yield the outcomes in the queue; wait for the first so long."""
        with contextlib.suppress(queue.Empty):
            yield self._outcomes.get(timeout=max(0.001, seconds))
            while True:
                yield self._outcomes.get_nowait()

    def stop(self) -> None:
        """Begin no more requests."""
        with self._lock:
            self._stopped = True

    def _work(self) -> None:
        while (record := self._next()) is not None:
            try:
                answer: str | Exception = self._ask(record)
            except Exception as error:  # else the run would wait for ever
                answer = error
            self._mind(record, answer)
            self._outcomes.put((record, answer))

    def _next(self) -> Record | None:
        with self._lock:
            if self._stopped or not self._waiting:
                return None
            record = self._waiting.popleft()
            self._outcomes.put((record, None))
            return record

    def _mind(self, record: Record, answer: str | Exception) -> None:
        """Stop after an error that repeats, or after too many silences."""
        with self._lock:
            silent = isinstance(answer, NoAnswer)
            self._silent = self._silent + 1 if silent else 0
            too_silent = self._silent >= max(SILENT, self._parallel)
            if too_silent or isinstance(answer, Unretryable):
                self._stopped = True
                self.unretryable = self.unretryable or record.request.name
