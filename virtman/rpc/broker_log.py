# SPDX-License-Identifier: Apache-2.0
"""Shortens what oslo.messaging logs of a broker that is away.

The library logs an error at each try and for each of its connections, at first
every second.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator

LOG = logging.getLogger(__name__)
SILENCE = 600.0
"""Seconds until it is logged again that a broker is still away."""
# As oslo.log names the logger of that module.
_CONNECTIONS = "oslo.messaging._drivers.impl_rabbit"
_AWAY = re.compile(
    "Connection failed|is unreachable|closed the connection|Unable to connect"
)


class BrokerLogFilter(logging.Filter):
    """Logs an outage of the broker once, where the library logs each try.

    It is logged again after the broker was back, or after ``SILENCE``.  Both
    are known from the library's records, which come for one connection at a
    time, each from a thread of its own.

    :param where: the broker's hosts.
    """

    def __init__(
        self, where: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._where = where
        self._now = now
        self._lock = threading.Lock()
        self._quiet_until = -math.inf

    @contextlib.contextmanager
    def noticed(self) -> Iterator[None]:
        """Filter the library's records while the context lasts."""
        logger = logging.getLogger(_CONNECTIONS)
        logger.addFilter(self)
        try:
            yield
        finally:
            logger.removeFilter(self)

    def over(self) -> None:
        """Note that the broker is there."""
        self._ends()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record of the library is logged as it is."""
        if record.levelno < logging.INFO:
            return True
        message = record.getMessage()
        if record.levelno == logging.INFO:
            if "Reconnected" in message and self._ends():
                LOG.info("the broker at %s is back", self._where)
            return False
        if not _AWAY.search(message):
            return True
        if self._begins():
            LOG.error(
                "the broker at %s is away, and tried again until it is there; "
                "all else goes on: %s",
                self._where,
                message,
            )
        return False

    def _begins(self) -> bool:
        """Note that the broker is away; return whether to log that."""
        with self._lock:
            now = self._now()
            new = now >= self._quiet_until
            if new:
                self._quiet_until = now + SILENCE
        return new

    def _ends(self) -> bool:
        """Note that the broker is there; return whether it was away."""
        with self._lock:
            was_away = self._quiet_until > self._now()
            self._quiet_until = -math.inf
        return was_away
