# SPDX-License-Identifier: Apache-2.0
"""Runs work that may block in a thread, while the server goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

Watcher = Callable[[socket.socket, Callable[[bytes], None]], None]
"""Calls back in the server's thread, once the socket can be read."""


def in_background(
    work: Callable[[], T], then: Callable[[Future[T]], None], watch: Watcher
) -> None:
    """Run ``work`` in a thread of its own, then ``then`` with its result."""
    reader, writer = socket.socketpair()
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except Exception as error:
            result.set_exception(error)
        # The reader now reads the end of the stream, which wakes the server.
        writer.close()

    watch(reader, lambda _: then(result))
    threading.Thread(target=run, name="aside", daemon=True).start()
