# SPDX-License-Identifier: Apache-2.0
"""Work in many nodes at once, and ask nodes without taking all their time."""

from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lab.node import Node


def side_by_side(work: Callable[[Node], Any], nodes: Iterable[Node]) -> None:
    """Do ``work`` on every node at once; raise the first failure."""
    at_once([functools.partial(work, node) for node in nodes])


def at_once(jobs: Sequence[Callable[[], Any]]) -> None:
    """Do all jobs in threads; raise the first failure once all have ended.

    Ctrl-C does not wait for them: work in nodes ends when the caller cuts
    their power.
    """
    pool = concurrent.futures.ThreadPoolExecutor(max(1, len(jobs)))
    wait = True
    try:
        for job in [pool.submit(job) for job in jobs]:
            job.result()
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=not wait)


def sparing(ask: Callable[[], bool], share: float = 0.5) -> Callable[[], bool]:
    """Return a condition that is asked for a share of the time only.

    Half of it: each question starts programs in the node, whose only
    processor has to do what is waited for.
    """
    due = 0.0

    def asked() -> bool:
        nonlocal due
        begin = time.monotonic()
        if begin < due:
            return False
        held = ask()
        end = time.monotonic()
        due = end + (end - begin) * (1 / share - 1)
        return held

    return asked
