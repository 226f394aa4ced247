# SPDX-License-Identifier: Apache-2.0
"""Opens the registry when a program starts, with errors for operators.

Not by tenacity: its 41 ms of import would be felt in every volt-manage.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from volt.exception import ConfigError
from volt.registry import engine, schema
from volt.registry.dialects.error_codes import (
    ERRORS,
    ErrorKind,
    cause_of,
    diagnose,
)

LOG = logging.getLogger(__name__)


def open_registry(
    url: str,
    max_retries: int = 0,
    retry_interval: float = 10,
    prepare: Callable[[sa.Engine], None] = schema.prepare,
    **options: Any,
) -> sa.Engine:
    """Open and prepare the registry; wait for a server that is not up yet.

    ``max_retries`` -1 waits without end.  Raises ``ConfigError``.
    """
    with explained(url):
        opened = engine.connect(url, **options)
        while True:
            try:
                prepare(opened)
                return opened
            except ERRORS as error:
                if max_retries == 0 or diagnose(error) is not ErrorKind.GONE:
                    raise
                LOG.warning(
                    "the database does not answer (%s); trying again in %s s",
                    cause_of(error),
                    retry_interval,
                )
            max_retries -= 1
            time.sleep(retry_interval)


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn the errors of a database into a ``ConfigError``."""
    try:
        yield
    except (*ERRORS, sa.exc.ArgumentError, OSError) as error:
        kind = diagnose(error)
        text = f"{kind.value}: " if kind else ""
        raise ConfigError(
            f"cannot open the registry{_named(url)}: {text}{cause_of(error)} "
            "(see [database] connection and state_dir)"
        ) from error


def _named(url: str) -> str:
    """Return a URL without its password, or "" if it cannot be parsed."""
    try:
        return f" {sa.make_url(url)}"
    except sa.exc.ArgumentError:
        return ""
