# SPDX-License-Identifier: Apache-2.0
"""Creates, changes and removes device-mapper devices, by ``dmsetup``.

Devices are looked up in /sys, their tables in ``dmsetup table``.  Tables are
written as the kernel documents them in
``Documentation/admin-guide/device-mapper/``; sizes are sectors of 512 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from virtman import names, privsep, sysfs, waiting
from virtman.exception import CommandError, InUse, LayerError, LayerMismatch

# Seconds that readers wait at most for a new table; the swap itself takes
# milliseconds.
SWAP_DEADLINE = 10.0
# Seconds for which a create is tried again while another process holds a
# device of the table: a helper of udev's, or a program that was forked while
# the device was wiped and has not executed yet.
HELD_DEADLINE = 5.0
_HELD = re.compile(r"reload ioctl on .* failed: Device or resource busy")
# The kernel's marks of a path in the status.
ACTIVE, FAILED = "A", "F"
_PATH = re.compile(r" (\d+:\d+) ([AF]) \d+")


@dataclass(frozen=True)
class Device:
    """A device-mapper device of the agent's, as the kernel shows it now."""

    role: names.Role
    key: str
    kernel_name: str

    @property
    def path(self) -> str:
        """The path of the device under /dev/mapper."""
        return names.dm_path(self.role, self.key)


def find(role: names.Role, key: str) -> Device | None:
    """Return the agent's device of a role and a key, None if it is absent.

    :raises LayerMismatch: a device without the agent's mark has the name.
    """
    folder = sysfs.block_dir(names.dm_path(role, key))
    if folder is None:
        return None
    uuid = sysfs.read(folder / "dm" / "uuid")
    if uuid is None and _is_leaving(folder):
        return None
    if uuid != names.dm_uuid(role, key):
        raise LayerMismatch(
            f"the device-mapper name {names.dm_name(role, key)} is taken by "
            f"a foreign device (UUID {uuid or 'empty'!r}); rename "
            "or remove that device"
        )
    return Device(role, key, folder.name)


def _is_leaving(folder: Path) -> bool:
    """Tell whether a device without a readable UUID is being removed.

    Its name and UUID are gone a moment before its folder in /sys, and cannot
    be read there (``drivers/md/dm-sysfs.c``, dm_attr_uuid_show).
    """
    return not folder.exists() or (folder / "dm" / "uuid").exists()


def ours(role: names.Role | None = None) -> list[Device]:
    """Return the agent's devices (of one role, if given), by kernel name."""
    devices = []
    for folder in sorted((sysfs.SYS / "block").glob("dm-*")):
        parsed = names.parse_dm_uuid(sysfs.read(folder / "dm" / "uuid") or "")
        if parsed and role in (None, parsed[0]):
            devices.append(Device(*parsed, folder.name))
    return devices


def by_kernel_name(kernel_name: str) -> Device | None:
    """Return the device ``dm-N`` if it is the agent's, else None."""
    folder = sysfs.SYS / "block" / kernel_name / "dm"
    parsed = names.parse_dm_uuid(sysfs.read(folder / "uuid") or "")
    return Device(*parsed, kernel_name) if parsed else None


def table(device: Device) -> str:
    """Return a device's live table, one line a target."""
    return privsep.dmsetup("table", _name(device.role, device.key)).strip()


def status(device: Device) -> str:
    """Return a device's live status, one line a target."""
    return privsep.dmsetup("status", _name(device.role, device.key)).strip()


def statuses(target: str) -> dict[str, str]:
    """Return the live status of all devices with a kind of target, by name.

    It takes one process for all of them.  Devices of other programs are among
    them.
    """
    answer = privsep.dmsetup("status", "--target", target)
    lines = (line.partition(": ") for line in answer.splitlines())
    return {name: text for name, _, text in lines if text}


def path_states(text: str) -> list[tuple[str, str]]:
    """Return the paths in the status of a multipath device, with states.

    A group with one path reads ``E 0 1 1 8:16 A 0 0``: the group's own
    state, arguments, paths and arguments a path; then the disk, its state,
    how often it has failed, and how many reads it has at work
    (``multipath_status`` of ``drivers/md/dm-mpath.c``).
    """
    return _PATH.findall(text)


def opened(device: Device) -> int:
    """Return how often programs and other devices hold a device open."""
    answer = privsep.dmsetup(
        "info", "--columns", "--noheadings", "--options", "open",
        _name(device.role, device.key),
    )  # fmt: skip
    return int(answer)


def create(
    role: names.Role, key: str, text: str, *, readonly: bool = False
) -> str:
    """Create a device with its table and return its path.

    When the table does not load, dmsetup itself removes the device again.

    :raises CommandError: dmsetup or the kernel refused.
    """
    flags = ["--readonly"] if readonly else []
    words = (*flags, "--uuid", names.dm_uuid(role, key), _name(role, key))
    waiting.retry(
        lambda: privsep.dmsetup("create", *words, table=text + "\n"),
        CommandError,
        lambda error: _HELD.search(error.err) is not None,
        HELD_DEADLINE,
    )
    return names.dm_path(role, key)


def swap_table(device: Device, text: str, *, readonly: bool) -> None:
    """Put a new table under a live device; no reader sees an error.

    One call to the kernel suspends the device, swaps the loaded table in and
    resumes it (``drivers/md/dm-ioctl.c``, do_resume): an agent that is killed
    cannot leave it half-way.  ``--noflush`` leaves queued I/O queued instead
    of waiting for it: a multipath device without a path could never flush.
    I/O that has gone down is waited for, up to a deadline, and new I/O waits
    with it; a swap that is given up at the deadline has not taken place.

    :raises CommandError: the device still has its old table; the code is None
        at the deadline.
    """
    name = _name(device.role, device.key)
    flags = ["--readonly"] if readonly else []
    privsep.dmsetup("load", *flags, name, table=text + "\n")
    try:
        # udev has nothing to do here, so it is not waited for.
        privsep.dmsetup(
            "resume", "--noflush", "--nolockfs", "--noudevsync", name,
            deadline=SWAP_DEADLINE,
        )  # fmt: skip
    except CommandError:
        privsep.dmsetup("clear", name)
        resume(device)
        raise


def resume(device: Device) -> bool:
    """Resume a device if it is suspended; return whether it was.

    A ``dmsetup suspend`` without a resume leaves a device so, and its readers
    wait.
    """
    folder = sysfs.block_dir(device.path)
    if folder is None or sysfs.read(folder / "dm" / "suspended") != "1":
        return False
    privsep.dmsetup("resume", _name(device.role, device.key))
    return True


def claim(role: names.Role, key: str) -> bool:
    """Mark a device that another program made on the agent's devices.

    That program gives no UUID.  The kernel lets a device without one be given
    one, once (``drivers/md/dm-ioctl.c``, ``dm_hash_rename``).  A device that
    stands on any other device stays unmarked.

    :returns: whether the device exists and was marked by this call.
    """
    path = names.dm_path(role, key)
    folder = sysfs.block_dir(path)
    if folder is None or sysfs.read(folder / "dm" / "uuid"):
        return False
    under = sysfs.slaves(path)
    if not under or not all(by_kernel_name(name) for name in under):
        return False
    privsep.dmsetup(
        "rename", "--setuuid", _name(role, key), names.dm_uuid(role, key)
    )
    return True


def message(device: Device, text: str) -> None:
    """Send a message to a device's target at sector 0."""
    privsep.dmsetup("message", _name(device.role, device.key), "0", text)


def remove(role: names.Role, key: str) -> bool:
    """Remove the agent's device of a role and a key; return if it existed.

    ``--retry`` rides out a udev rule or a scanner that holds the device
    open for a moment (``dmsetup(8)``).

    :raises InUse: the device is held; the message names those that stand on
        it.
    """
    device = find(role, key)
    if device is None:
        return False
    try:
        privsep.dmsetup("remove", "--retry", _name(role, key))
    except CommandError as error:
        if "busy" not in error.err.lower():
            raise
        above = sysfs.holders(device.path)
        raise InUse(
            f"{device.path} is in use"
            + (f" by {', '.join(above)}" if above else " (held open)")
        ) from error
    return True


def sectors_of(text: str) -> int:
    """Return the sum of the lengths of a table's lines, in sectors."""
    return sum(int(line.split()[1]) for line in text.splitlines())


def require_node(path: str) -> None:
    """Raise unless a device that was just made has its node under /dev.

    :raises LayerError: the node is missing; the message has the remedy.
    """
    if not Path(path).exists():
        raise LayerError(
            f"{path} did not appear; is udev running in a container without "
            "/dev? Set DM_DISABLE_UDEV=1 for the agent"
        )


def _name(role: names.Role, key: str) -> str:
    return names.dm_name(role, key)
