# SPDX-License-Identifier: Apache-2.0
"""What systemd wants to know of a service, see sd_notify(3).

All of it does nothing where NOTIFY_SOCKET is not set.
"""

import os
import time

from sdnotify import SystemdNotifier


class Systemd:
    """Tells systemd how the service is."""

    def __init__(self) -> None:
        self._notifier = SystemdNotifier()
        self.watchdog = _watchdog()
        """Seconds of silence after which the service counts as hung."""

    def ready(self, status: str) -> None:
        """Say that it serves (again, after ``reloading``)."""
        self._notifier.notify(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Say that new settings are tried; ``ready`` has to follow."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        # The time is for Type=notify-reload of systemd 253 and later.
        self._notifier.notify(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Say that it ends."""
        self._notifier.notify("STOPPING=1\nSTATUS=Finishing what is under way")

    def alive(self) -> None:
        """Say that it is not hung."""
        self._notifier.notify("WATCHDOG=1")


def _watchdog() -> float | None:
    told = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
    return int(told) / 1e6 if meant and told.isdigit() and int(told) else None
