# SPDX-License-Identifier: Apache-2.0
"""Device-mapper: create, swap tables, message, remove.

What exists is read from /sys, what a table says from ``dmsetup table``.
Tables are written as the kernel documents them in
``Documentation/admin-guide/device-mapper/``; sizes are sectors of 512 bytes.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from virtman import names, privsep, sysfs
from virtman.exception import CommandError, InUse, LayerError, LayerMismatch

# Seconds that readers wait at most for a new table; the swap itself takes
# milliseconds.
SWAP_DEADLINE = 10.0
# Seconds that a table is loaded anew while a device in it is held: by udev's
# helpers, or by a program that was forked while the device was wiped, until it
# executes.
HELD_DEADLINE = 5.0
_PAUSE = 0.02
_HELD = re.compile(r"reload ioctl on .* failed: Device or resource busy")
# How the kernel marks a path in the status.
ACTIVE, FAILED = "A", "F"
_PATH = re.compile(r" (\d+:\d+) ([AF]) \d+")


@dataclass(frozen=True)
class Device:
    """A device-mapper device of ours as the kernel shows it now."""

    role: names.Role
    key: str
    kernel_name: str

    @property
    def path(self) -> str:
        """The path that tables and people use."""
        return names.dm_path(self.role, self.key)


def find(role: names.Role, key: str) -> Device | None:
    """Return our device of that role and key, None if there is none.

    :raises LayerMismatch: the name is taken by a device that is not ours.
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
            f"a device that is not ours (UUID {uuid or 'empty'!r}); rename "
            "or remove that device"
        )
    return Device(role, key, folder.name)


def _is_leaving(folder: Path) -> bool:
    """Tell whether a device is being removed: it has a UUID no more.

    Its name and UUID are gone a moment before its folder in /sys, and cannot
    be read there (``drivers/md/dm-sysfs.c``, dm_attr_uuid_show).
    """
    return not folder.exists() or (folder / "dm" / "uuid").exists()


def ours(role: names.Role | None = None) -> list[Device]:
    """Return every device of ours (of one role, if given), by name."""
    found = []
    for folder in sorted((sysfs.SYS / "block").glob("dm-*")):
        parsed = names.parse_dm_uuid(sysfs.read(folder / "dm" / "uuid") or "")
        if parsed and role in (None, parsed[0]):
            found.append(Device(*parsed, folder.name))
    return found


def by_kernel_name(kernel_name: str) -> Device | None:
    """Return our device known to the kernel as ``dm-N``, else None."""
    folder = sysfs.SYS / "block" / kernel_name / "dm"
    parsed = names.parse_dm_uuid(sysfs.read(folder / "uuid") or "")
    return Device(*parsed, kernel_name) if parsed else None


def table(device: Device) -> str:
    """Return the live table, one line a target, as ``dmsetup table``."""
    return privsep.dmsetup("table", _name(device.role, device.key)).strip()


def status(device: Device) -> str:
    """Return the live status, one line a target, as ``dmsetup status``."""
    return privsep.dmsetup("status", _name(device.role, device.key)).strip()


def statuses(target: str) -> dict[str, str]:
    """Return the live status of all devices of a kind of target, by name.

    One process, however many there are; those of others are among them.
    """
    said = privsep.dmsetup("status", "--target", target)
    lines = (line.partition(": ") for line in said.splitlines())
    return {name: text for name, _, text in lines if text}


def path_states(text: str) -> list[tuple[str, str]]:
    """Return each path of a multipath device's status, and its state.

    A group with one path reads ``E 0 1 1 8:16 A 0 0``: the group's own
    state, arguments, paths and arguments a path; then the disk, its state,
    how often it has failed, and how many reads it has at work
    (``multipath_status`` of ``drivers/md/dm-mpath.c``).
    """
    return _PATH.findall(text)


def opened(device: Device) -> int:
    """Return how often a device is open: by programs and devices on it."""
    answer = privsep.dmsetup(
        "info", "--columns", "--noheadings", "--options", "open",
        _name(device.role, device.key),
    )  # fmt: skip
    return int(answer)


def create(
    role: names.Role, key: str, text: str, *, readonly: bool = False
) -> str:
    """Create a device with its table and return its path.

    dmsetup takes the name away again when the table does not load.

    :raises CommandError: what dmsetup or the kernel said against it.
    """
    flags = ["--readonly"] if readonly else []
    words = (*flags, "--uuid", names.dm_uuid(role, key), _name(role, key))
    deadline = time.monotonic() + HELD_DEADLINE
    while True:
        try:
            privsep.dmsetup("create", *words, table=text + "\n")
        except CommandError as error:
            late = time.monotonic() >= deadline
            if late or not _HELD.search(error.err):
                raise
        else:
            return names.dm_path(role, key)
        time.sleep(_PAUSE)


def swap_table(device: Device, text: str, *, readonly: bool) -> None:
    """Put a new table under a live device; no reader sees an error.

    One call to the kernel suspends the device, swaps the loaded table in and
    resumes it (``drivers/md/dm-ioctl.c``, do_resume): nobody can be killed
    in between.  ``--noflush`` leaves queued I/O queued instead of waiting
    for it: a multipath device without a path could never flush.  I/O that
    has gone down is waited for, up to a deadline, and new I/O waits with it;
    a swap that is given up at the deadline has not taken place.

    :raises CommandError: the device has the table it had; with code None at
        the deadline.
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
    """Let I/O through a suspended device; return whether it was suspended.

    Somebody's ``dmsetup suspend`` without its end leaves it so, and its
    readers wait.
    """
    folder = sysfs.block_dir(device.path)
    if folder is None or sysfs.read(folder / "dm" / "suspended") != "1":
        return False
    privsep.dmsetup("resume", _name(device.role, device.key))
    return True


def claim(role: names.Role, key: str) -> bool:
    """Mark as ours what another program made on our devices.

    That program knows of no UUID; the kernel lets a device without one be
    given one, once (``drivers/md/dm-ioctl.c``, ``dm_hash_rename``).  What
    stands on anything that is not ours stays unmarked.

    :returns: whether the device is there and was marked by this call.
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
    """Send a message to the target at sector 0."""
    privsep.dmsetup("message", _name(device.role, device.key), "0", text)


def remove(role: names.Role, key: str) -> bool:
    """Remove our device if it is there; return whether it was.

    ``--retry`` rides out a udev rule or a scanner that holds the device
    open for a moment (``dmsetup(8)``).

    :raises InUse: somebody holds it; the message says who stands on it.
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
    """Return the length in sectors that a table's lines add up to."""
    return sum(int(line.split()[1]) for line in text.splitlines())


def require_node(path: str) -> None:
    """Raise unless a device that was just made has its node under /dev."""
    if not Path(path).exists():
        raise LayerError(
            f"{path} did not appear; is udev running in a container without "
            "/dev? Set DM_DISABLE_UDEV=1 for the agent"
        )


def _name(role: names.Role, key: str) -> str:
    return names.dm_name(role, key)
