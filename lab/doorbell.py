# SPDX-License-Identifier: Apache-2.0
"""Wake the agent of a node through its second serial port.

A line names the folder of the share that holds a command; all else goes
through files there.  A serial port works when the network is cut, and costs a
waiting node nothing.  (The QEMU guest agent was measured first: it can
neither stream nor kill, and while no client is connected it wakes ten times
a second and is deaf in between.)
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.errors import NodeDown
from lab.lockfile import locked


def ring(
    folder: Path, run: str, heard: Callable[[], bool], timeout: float
) -> None:
    """Send ``run`` to the node of ``folder`` and wait until it was heard.

    QEMU serves one client of a port at a time, so callers queue at a file
    lock.  Raises NodeDown if the bell is not heard in ``timeout`` seconds.
    """
    limit = time.monotonic() + timeout
    try:
        with _locked(folder / "bell.lock", limit), _connected(folder) as bell:
            # The first line end closes a line that a killed caller left half.
            os.write(bell, f"\n{run}\n".encode())
            # Bytes that a closed client leaves behind may be dropped.
            while not heard():
                if time.monotonic() > limit:
                    raise TimeoutError(f"no answer in {timeout} s")
                time.sleep(0.003)
    except OSError as error:
        raise NodeDown(
            f"node {folder.name} does not answer: {error}"
        ) from error


@contextlib.contextmanager
def _connected(folder: Path) -> Iterator[int]:
    pipe = folder / "bell.fifo"
    if pipe.exists():
        # Without a reader, which is the node, this fails at once.
        handle = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            yield handle
        finally:
            os.close(handle)
        return
    # Through /proc, for the path of a Unix socket has 108 bytes only.
    handle = os.open(folder, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(f"/proc/self/fd/{handle}/bell.sock")
            yield sock.fileno()
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(path: Path, limit: float) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path, limit - time.monotonic()))
        except BlockingIOError:
            raise TimeoutError(
                "other commands keep its serial port busy"
            ) from None
        yield
