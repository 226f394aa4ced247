# SPDX-License-Identifier: Apache-2.0
"""Checks the kernel's modules, and counts the free NBD devices."""

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
# Without it the cache works, but more slowly (virtman.cache.qemu.engine).
_SWITCH = Requirement("dm_switch", "linux-image-amd64")


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each module, and one on NBD devices.

    :raises ConfigError: the cache engine is unknown.
    """
    modules = (*prerequisites.MODULES, *engine.load(settings).modules)
    for module in dict.fromkeys(modules):
        yield _module(module, Level.ERROR)
    if any(module.name == "nbd" for module in modules):
        yield _module(_SWITCH, Level.WARNING)
        yield from _free_devices()


def _module(item: Requirement, level: Level) -> Finding:
    if (sysfs.SYS / "module" / item.name).exists():
        return Finding(_CHECK, Level.OK, f"module {item.name}: loaded")
    try:
        privsep.modprobe("--dry-run", item.name)
    except CommandError as error:
        reason = error.err.strip() or str(error)
        return Finding(
            _CHECK, level,
            f"module {item.name}: the running kernel has none ({reason})",
            f"install the Debian package {item.package} and boot that kernel",
        )  # fmt: skip
    return Finding(
        _CHECK, Level.OK, f"module {item.name}: loaded when it is needed"
    )


def _free_devices() -> Iterator[Finding]:
    """Yield how many NBD devices are free, if the module is loaded."""
    total = len(list((sysfs.SYS / "block").glob("nbd*")))
    free = len(nbd.free_devices())
    if total:
        yield Finding(
            _CHECK,
            Level.OK if free else Level.WARNING,
            f"{free} of {total} NBD devices are free",
            "" if free else "each image takes one: put 'options nbd "
            "nbds_max=64' into /etc/modprobe.d/nbd.conf and load nbd anew",
        )  # fmt: skip
