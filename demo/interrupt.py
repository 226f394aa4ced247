# SPDX-License-Identifier: Apache-2.0
"""Handle Ctrl-C and SIGTERM: one orderly end of the run."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def enable() -> None:
    """Have both signals raise KeyboardInterrupt in the main thread.

    A shell has what it runs in the background ignore Ctrl-C.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Ignore both signals, so that taking the machines down can end."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
