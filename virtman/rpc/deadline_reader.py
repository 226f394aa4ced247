# SPDX-License-Identifier: Apache-2.0
"""Reads a request from a connection, under a deadline for all of it.

A deadline for each piece alone would let a caller that sends a byte now and
then keep its thread for days, and the agent from ending.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any


class DeadlineReader(io.RawIOBase):
    """The bytes that a socket receives, as a file.

    :param pause: seconds that may pass between two pieces.
    :param whole: seconds in which all has to be there.
    """

    def __init__(
        self,
        connection: socket.socket,
        pause: float,
        whole: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._pause = pause
        self._now = now
        self._end = now() + whole

    def readable(self) -> bool:
        """Return True: the file can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive bytes into a buffer; :raises TimeoutError: too late."""
        seconds = self._end - self._now()
        if seconds <= 0:
            raise TimeoutError("it took too long to send the request")
        self._connection.settimeout(min(seconds, self._pause))
        try:
            return self._connection.recv_into(buffer)
        finally:
            # Sending has the full pause, however little was left to receive.
            self._connection.settimeout(self._pause)
