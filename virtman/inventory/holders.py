# SPDX-License-Identifier: Apache-2.0
"""What uses the agent's resources: VMs, other devices, children."""

from __future__ import annotations

from collections.abc import Iterator

from virtman import sysfs
from virtman.drivers import dmsetup, processes, sessions
from virtman.inventory import resources
from virtman.names import Role

# The only openers of these two that belong to the agent are its own devices.
# The devices below them are opened by tgtd and the cache engine, too.
_OPENED_BY_DEVICES = (Role.SNAPSHOT, Role.ORIGIN)


def reasons() -> list[str]:
    """Return each use that keeps a resource from its removal, a line each."""
    return [*_devices(), *_disks(), *_targets()]


def _devices() -> Iterator[str]:
    for device in dmsetup.ours():
        holders = sysfs.holders(device.path)
        foreign = _foreign(holders)
        if foreign:
            yield f"{device.path} is in use by {', '.join(foreign)}"
        elif device.role in _OPENED_BY_DEVICES and (
            dmsetup.opened(device) > len(holders)
        ):
            yield f"{device.path} is held open{_by(device)}"


def _disks() -> Iterator[str]:
    for iqn in sorted(sessions.targets() | sessions.stores()):
        for path in sessions.standing(iqn):
            foreign = _foreign(sysfs.holders(path.device))
            if foreign:
                yield (
                    f"{path.device}, the disk of {iqn}, is in use by "
                    f"{', '.join(foreign)}"
                )


def _targets() -> Iterator[str]:
    for target in resources.served():
        if target.initiators:
            yield (
                f"target {target.iqn} serves {', '.join(target.initiators)}"
            )


def _foreign(holders: list[str]) -> list[str]:
    foreign = (n for n in holders if dmsetup.by_kernel_name(n) is None)
    return [_named(name) for name in foreign]


def _named(kernel_name: str) -> str:
    """Return a device's kernel name, with its device-mapper name if any."""
    dm_name = sysfs.read(sysfs.SYS / "block" / kernel_name / "dm" / "name")
    return f"{kernel_name} ({dm_name})" if dm_name else kernel_name


def _by(device: dmsetup.Device) -> str:
    """Return the names of the processes that have a device open.

    A device without any may have a mounted file system.
    """
    number = sysfs.number(device.path)
    pids = processes.openers(number) if number else []
    named = (f"{processes.name(pid)} ({pid})" for pid in pids)
    return f" by {', '.join(named)}" if pids else " (mounted?)"
