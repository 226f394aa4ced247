# SPDX-License-Identifier: Apache-2.0
"""Enter the network of a lab's cluster with this very process.

What it starts from then on, threads and programs, is inside, too: clients
reach the services as if they stood on the cluster's switch.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

# os.setns came with Python 3.12.
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Enter the network namespace of that name; leave it at the end.

    For the calling thread and what it starts; threads that are there already
    stay where they are.

    :raises OSError: there is no such namespace, or this is not root.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(Path("/run/netns", namespace), os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(handle: int) -> None:
    if _LIBC.setns(handle, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
