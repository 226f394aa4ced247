# SPDX-License-Identifier: Apache-2.0
"""Cache engines that VMs read past, because they failed."""

from __future__ import annotations

from collections.abc import Iterator

from virtman.cache.qemu.bypass import Bypass
from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import dmsetup
from virtman.names import Role

_CHECK = "engines"


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each engine that stands."""
    for item in dmsetup.ours(Role.ENGINE):
        if not Bypass(item.key).failed:
            said = f"{item.path}: the cache is read through"
            yield Finding(_CHECK, Level.OK, said)
            continue
        yield Finding(
            _CHECK, Level.ERROR,
            f"{item.path}: {item.key} is read past its cache, from its "
            "parents each time",
            f"make room in {settings.cache_dir} if it is full; the agent's "
            "log says what else it may be; it is mended by itself then",
        )  # fmt: skip
