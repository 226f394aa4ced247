# SPDX-License-Identifier: Apache-2.0
"""Where several workers count together.

Each worker keeps its figures in files of its own, mapped into memory;
whichever is asked adds up the files of all, those of workers that have
died included.  So nothing that was counted is lost when one is killed, and
no process has to collect from the others.

Who forks workers makes the directory before the first of them; an operator
who runs ``volt.wsgi:application`` in several processes makes one and names
it in the same variable of the environment.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported, hence set before."""
MEMORY = "/dev/shm"  # noqa: S108 - the directory in it is private
"""Files here never touch a disk, and a disk that is full never touches
them: a page of a mapped file that cannot be had kills the process."""


@contextlib.contextmanager
def shared() -> Iterator[str]:
    """Make the directory for all workers of this process; yield its path.

    One that the operator has named is used as it is, and left alone.
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
