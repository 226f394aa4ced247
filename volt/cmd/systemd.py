# SPDX-License-Identifier: Apache-2.0
"""Tells systemd the state of the service, see sd_notify(3).

Where NOTIFY_SOCKET is not set, nothing is sent.
"""

from __future__ import annotations

import os
import time

from sdnotify import SystemdNotifier


class Systemd:
    """The service's messages to systemd."""

    def __init__(self) -> None:
        self._notifier = SystemdNotifier()
        self.watchdog = _watchdog()
        """Seconds of silence after which the service counts as hung."""

    def ready(self, status: str) -> None:
        """Tell systemd that the service serves, or a reload has ended."""
        self._notifier.notify(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Tell systemd that new settings are tried; ``ready`` must follow."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        # The time is for Type=notify-reload of systemd 253 and later.
        self._notifier.notify(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Tell systemd that the service ends."""
        self._notifier.notify("STOPPING=1\nSTATUS=Finishing what is under way")

    def alive(self) -> None:
        """Tell systemd's watchdog that the service is not hung."""
        self._notifier.notify("WATCHDOG=1")


def _watchdog() -> float | None:
    period = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
    return (
        int(period) / 1e6
        if meant and period.isdigit() and int(period)
        else None
    )
