# SPDX-License-Identifier: Apache-2.0
"""The kernel's modules, and NBD devices that are free."""

from __future__ import annotations

from collections.abc import Iterator

from virtman import privsep, sysfs
from virtman.cache import engine
from virtman.cache.engine import Requirement
from virtman.conf import Settings
from virtman.doctor import prerequisites
from virtman.doctor.finding import Finding, Level
from virtman.drivers import nbd
from virtman.exception import CommandError

_CHECK = "kernel"
# Without it the cache does its work more slowly (virtman.cache.qemu.engine).
_SWITCH = Requirement("dm_switch", "linux-image-amd64")


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each module, and one for NBD.

    :raises ConfigError: there is no such cache engine.
    """
    wanted = (*prerequisites.MODULES, *engine.load(settings).modules)
    for item in dict.fromkeys(wanted):
        yield _module(item, Level.ERROR)
    if any(item.name == "nbd" for item in wanted):
        yield _module(_SWITCH, Level.WARNING)
        yield from _free_devices()


def _module(item: Requirement, level: Level) -> Finding:
    if (sysfs.SYS / "module" / item.name).exists():
        return Finding(_CHECK, Level.OK, f"module {item.name}: loaded")
    try:
        privsep.modprobe("--dry-run", item.name)
    except CommandError as error:
        said = error.err.strip() or str(error)
        return Finding(
            _CHECK, level,
            f"module {item.name}: the running kernel has none ({said})",
            f"install the Debian package {item.package} and boot that kernel",
        )  # fmt: skip
    return Finding(
        _CHECK, Level.OK, f"module {item.name}: loaded when it is needed"
    )


def _free_devices() -> Iterator[Finding]:
    """Yield how many NBD devices are free, once there are any."""
    there = len(list((sysfs.SYS / "block").glob("nbd*")))
    free = len(nbd.free_devices())
    if there:
        yield Finding(
            _CHECK,
            Level.OK if free else Level.WARNING,
            f"{free} of {there} NBD devices are free",
            "" if free else "each image takes one: put 'options nbd "
            "nbds_max=64' into /etc/modprobe.d/nbd.conf and load nbd anew",
        )  # fmt: skip
