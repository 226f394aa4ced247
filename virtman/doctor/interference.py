# SPDX-License-Identifier: Apache-2.0
"""Who else takes block devices: multipathd, and what udev starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from virtman import udev
from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import iscsi, processes

_CHECK = "interference"
_ETC = Path("/etc")
# etc/multipath/virtman.conf, or what does as well (multipath.conf(5)).
_LEAVES_US = re.compile(
    rf'^\s*(vendor\s+"?\^?{iscsi.VENDOR}|find_multipaths\s+"?strict)',
    re.MULTILINE,
)


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each of the two."""
    yield _multipathd()
    yield _udev()


def _multipathd() -> Finding:
    """Say whether a multipathd that runs was told to leave our disks alone."""
    if not processes.named("multipathd"):
        return Finding(_CHECK, Level.OK, "multipathd does not run")
    files = [
        _ETC / "multipath.conf",
        *sorted((_ETC / "multipath" / "conf.d").glob("*.conf")),
    ]
    for file in files:
        if file.exists() and _LEAVES_US.search(file.read_text()):
            return Finding(
                _CHECK, Level.OK, f"multipathd is told by {file} to keep off"
            )
    return Finding(
        _CHECK, Level.ERROR,
        "multipathd runs and is not told to leave our disks alone: it takes "
        "different images for paths to one disk",
        "copy etc/multipath/virtman.conf to /etc/multipath/conf.d, then "
        "'multipathd reconfigure'",
    )  # fmt: skip


def _udev() -> Finding:
    if udev.is_in_force():
        return Finding(
            _CHECK, Level.OK, "udev leaves our devices alone, or is not there"
        )
    if not processes.agents():
        return Finding(
            _CHECK, Level.OK, "udev's rule is written when the agent starts"
        )
    return Finding(
        _CHECK, Level.ERROR,
        f"{udev.FOLDER / udev.NAME} is missing or another: the host looks "
        "into the guests' disks",
        "'systemctl restart virtman-server' writes it; VMs go on meanwhile",
    )  # fmt: skip
