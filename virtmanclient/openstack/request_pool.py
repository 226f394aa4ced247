# SPDX-License-Identifier: Apache-2.0
"""A few threads that make requests; what comes of them goes into a queue.

Which request was taken up is known for certain when all have been stopped: a
request is taken up, and told, under one lock.
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
"""So many requests in a row without an answer, or as many as are made at once
if these are more, and no more are made: each takes a minute to give up."""

News = tuple[Record, str | Exception | None]
"""A record and the server's id, or why there is none; None: taken up."""


class Lanes:
    """The threads.

    :param ask: makes the request of a record, returns the server's id
    :param parallel: how many
    """

    def __init__(self, ask: Callable[[Record], str], parallel: int) -> None:
        self._ask = ask
        self._parallel = parallel
        self._lock = threading.Lock()
        self._waiting: collections.deque[Record] = collections.deque()
        self._news: queue.Queue[News] = queue.Queue()
        self._stopped = False
        self._silent = 0
        self.hopeless = ""
        """The server after whose request no more are made, if there is one."""

    def begin(self, records: Iterable[Record]) -> None:
        """Start on these."""
        self._waiting.extend(records)
        for _ in range(min(self._parallel, len(self._waiting))):
            # Daemons: nobody must wait for a cloud that does not answer.
            threading.Thread(
                target=self._work, name="nova-request", daemon=True
            ).start()

    def news(self, seconds: float) -> Iterator[News]:
        """Yield what there is to tell; wait for it so long."""
        with contextlib.suppress(queue.Empty):
            yield self._news.get(timeout=max(0.001, seconds))
            while True:
                yield self._news.get_nowait()

    def stop(self) -> None:
        """Take no more up."""
        with self._lock:
            self._stopped = True

    def _work(self) -> None:
        while (record := self._next()) is not None:
            try:
                answer: str | Exception = self._ask(record)
            except Exception as error:  # else the run would wait for it
                answer = error
            self._mind(record, answer)
            self._news.put((record, answer))

    def _next(self) -> Record | None:
        with self._lock:
            if self._stopped or not self._waiting:
                return None
            record = self._waiting.popleft()
            self._news.put((record, None))
            return record

    def _mind(self, record: Record, answer: str | Exception) -> None:
        """Stop if no request will do any better, or none is answered."""
        with self._lock:
            silent = isinstance(answer, NoAnswer)
            self._silent = self._silent + 1 if silent else 0
            tired = self._silent >= max(SILENT, self._parallel)
            if tired or isinstance(answer, Unretryable):
                self._stopped = True
                self.hopeless = self.hopeless or record.order.name
