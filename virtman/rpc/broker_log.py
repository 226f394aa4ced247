# SPDX-License-Identifier: Apache-2.0
"""What the log says of a broker that is away: little.

oslo.messaging says so at each try and for each of its connections, at first
every second, and calls it an error.
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
"""Seconds until it is said again of a broker that is still away."""
# As oslo.log names the logger of that module.
_CONNECTIONS = "oslo.messaging._drivers.impl_rabbit"
_AWAY = re.compile(
    "Connection failed|is unreachable|closed the connection|Unable to connect"
)


class BrokerLogFilter(logging.Filter):
    """Says that the broker is away once, where the library does at each try.

    And again when it has been there meanwhile, or after ``SILENCE``: what it
    knows of that is what the library says, for one of its connections, each
    of them in a thread of its own.

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
        """Listen to the library while the context lasts."""
        logger = logging.getLogger(_CONNECTIONS)
        logger.addFilter(self)
        try:
            yield
        finally:
            logger.removeFilter(self)

    def over(self) -> None:
        """Take the broker to be there."""
        self._ends()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record of the library is to be seen as it is."""
        if record.levelno < logging.INFO:
            return True
        said = record.getMessage()
        if record.levelno == logging.INFO:
            if "Reconnected" in said and self._ends():
                LOG.info("the broker at %s is back", self._where)
            return False
        if not _AWAY.search(said):
            return True
        if self._begins():
            LOG.error(
                "the broker at %s is away, and tried again until it is there; "
                "all else goes on: %s",
                self._where,
                said,
            )
        return False

    def _begins(self) -> bool:
        """Take the broker to be away; return whether that is to be said."""
        with self._lock:
            now = self._now()
            new = now >= self._quiet_until
            if new:
                self._quiet_until = now + SILENCE
        return new

    def _ends(self) -> bool:
        """Take the broker to be there; return whether it was away."""
        with self._lock:
            was_away = self._quiet_until > self._now()
            self._quiet_until = -math.inf
        return was_away
