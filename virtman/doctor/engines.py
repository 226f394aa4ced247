# SPDX-License-Identifier: Apache-2.0
"""Checks whether VMs read past cache engines that failed."""

from __future__ import annotations

from collections.abc import Iterator

from virtman.cache.qemu.bypass import Bypass
from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import dmsetup
from virtman.names import Role

_CHECK = "engines"


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each bypass that stands."""
    for device in dmsetup.ours(Role.ENGINE):
        if not Bypass(device.key).failed:
            text = f"{device.path}: the cache is read through"
            yield Finding(_CHECK, Level.OK, text)
            continue
        yield Finding(
            _CHECK, Level.ERROR,
            f"{device.path}: {device.key} is read past its cache, from its "
            "parents each time",
            f"make room in {settings.cache_dir} if it is full; the agent's "
            "log says what else it may be; the agent repairs it then",
        )  # fmt: skip
