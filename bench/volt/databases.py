# SPDX-License-Identifier: Apache-2.0
"""The databases to measure on: SQLite, and servers that are installed.

The servers are those of the tests: private, in a folder of their own, and
they do not wait for the disk (fsync is off).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.functional.volt.sql_mariadb import MariaDB
from tests.functional.volt.sql_postgresql import PostgreSQL
from tests.functional.volt.sql_server import program

Fresh = Callable[[Path], str]
"""Returns the URL of an empty database; a file may lie in the folder."""

SQLITE = "SQLite"
SERVERS = {
    "PostgreSQL": (PostgreSQL, "initdb"),
    "MariaDB": (MariaDB, "mariadbd"),
}
NAMES = (SQLITE, *SERVERS)


def missing(name: str) -> str:
    """Return the remedy for a missing database, empty if it is here."""
    if name == SQLITE:
        return ""
    try:
        program(SERVERS[name][1])
    except AssertionError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def opened(name: str) -> Iterator[tuple[Path, Fresh]]:
    """Run the database; yield a folder for files, and what makes another."""
    with contextlib.ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="bench-volt-")
        path = Path(stack.enter_context(folder))
        if name == SQLITE:
            yield path, lambda folder: f"sqlite:///{folder}/volt.sqlite"
            return
        server: Any = stack.enter_context(SERVERS[name][0]())
        yield path, lambda _: str(server.database())
