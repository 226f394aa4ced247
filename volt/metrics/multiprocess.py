# SPDX-License-Identifier: Apache-2.0
"""The directory in which several workers keep their metrics.

Each worker keeps its metrics in files of its own, mapped into memory; the
worker that is asked adds up the files of all, those of dead workers
included.  So no count is lost when a worker is killed, and no process has to
collect from the others.

The supervisor makes the directory before it forks the first worker; an
operator who runs ``volt.wsgi:application`` in several processes makes one and
names it in the same variable of the environment.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported; it must be set before."""
MEMORY = "/dev/shm"  # noqa: S108 - the directory in it is private
"""No disk is behind it that may fill up: a process that needs a new page of a
mapped file is killed when the disk is full."""


@contextlib.contextmanager
def shared() -> Iterator[str]:
    """Make the directory for all workers of this process; yield its path.

    A directory that the operator has named is used, and not removed.
    """
    if os.environ.get(VARIABLE):
        yield os.environ[VARIABLE]
        return
    home = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(
        prefix="volt-figures-", dir=home, ignore_cleanup_errors=True
    ) as made:
        os.environ[VARIABLE] = made
        try:
            yield made
        finally:
            del os.environ[VARIABLE]
