# SPDX-License-Identifier: Apache-2.0
"""Connects the kernel's NBD devices, and asks a server for its extents.

Protocol: the NetworkBlockDevice project's ``doc/proto.md``.  The metadata
context ``qemu:allocation-depth`` is QEMU's (``docs/interop/nbd.txt``): 1
means the top layer holds the bytes, 2 and more a backing file, 0 nothing.

A connection is kept by a process of nbd-client's, in its ioctl
(``-nonetlink``).  When the server dies, that process ends, and with it every
read that was on its way, at once and with an error.  A connection that was
made by netlink has no process: in the lab such a read had no end until the
device was disconnected.

No library: libnbd's Python binding is on no package index, so a virtual
environment cannot have it; nbdinfo asks the same question.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from virtman import privsep, sysfs, waiting
from virtman.exception import CommandError, LayerError

# Held while a free device is chosen and connected.  If another process takes
# the device meanwhile, nbd-client fails, and the next device is tried.
_choosing = threading.Lock()
# Seconds until a device has to be connected or disconnected; it takes
# milliseconds.
_PATIENCE = 30.0


@dataclass(frozen=True)
class Extent:
    """A run of bytes with the same allocation depth."""

    offset: int
    length: int
    depth: int


def connect(socket: Path, export: str, claim: Path) -> str:
    """Connect a free ``/dev/nbdN`` to a Unix socket and return its path.

    :param claim: a file that gets the device's path before it is connected:
        the kernel does not tell to which server a device is connected.
    :raises LayerError: no device is free; the remedy is in the message.
    :raises CommandError: the server refused.
    """
    with _choosing:
        last: CommandError | None = None
        for device in free_devices():
            claim.write_text(device)
            try:
                _connect(device, socket, export)
            except CommandError as error:
                last = error
                continue
            _wait_connected(device)
            return device
    if last is not None:
        raise last
    raise LayerError(
        "no free NBD device: load the module with more of them, "
        "'modprobe -r nbd && modprobe nbd nbds_max=64'"
    )


def disconnect(device: str) -> None:
    """Disconnect an NBD device; one that has no connection is fine.

    Reads through it fail.  While another device stands on it, the kernel
    shows it as connected; that is not waited for.

    :raises LayerError: it is still connected at the deadline.
    """
    if not is_connected(device):
        return
    privsep.nbd_client("-d", device)
    _wait(
        lambda: not is_connected(device) or bool(sysfs.holders(device)),
        f"{device} is still connected after nbd-client -d",
    )


def forget_partitions(device: str) -> None:
    """Have the kernel forget the partitions that it has found on a device.

    They are a guest's; the host must not look into them.
    """
    # The kernel looks for partitions when a device is opened for the first
    # time after it was connected; so it is opened here.
    privsep.blockdev("--getsz", device)
    folder = sysfs.block_dir(device)
    if folder is not None and list(folder.glob(f"{folder.name}p[0-9]*")):
        privsep.partx("--delete", device)


def keepers() -> set[int]:
    """Return the ids of the processes that keep a connection."""
    files = (sysfs.SYS / "block").glob("nbd*/pid")
    return {int(sysfs.read(file) or 0) for file in files}


def claimed(claim: Path, sectors: int) -> str | None:
    """Return the device of a claim if an agent connected it, else None.

    Another program may have taken that device first, and the agent may have
    been killed before it tried the next one.  The device has another size
    then, is in use or can be written.  Only free devices are claimed, so a
    later claim of the same device shows that an earlier one has failed.

    :param sectors: size of the agent's export in sectors of 512 bytes.
    """
    with _choosing:
        device = sysfs.read(claim)
        if not device or not is_connected(device) or _is_outdone(claim):
            return None
    folder = sysfs.block_dir(device)
    ours = (
        sysfs.sectors(device) == sectors
        and not sysfs.holders(device)
        and folder is not None
        and sysfs.read(folder / "ro") == "1"
    )
    return device if ours else None


def is_connected(device: str) -> bool:
    """Tell whether the kernel has a connection for an NBD device."""
    return (sysfs.SYS / "block" / Path(device).name / "pid").exists()


def extents(socket: Path, export: str) -> list[Extent]:
    """Return the extents of a server's export, in order.

    :raises LayerError: the server's answer is no map.
    """
    answer = privsep.nbdinfo(
        "--json",
        "--map=qemu:allocation-depth",
        f"nbd+unix:///{export}?socket={socket}",
    )
    try:
        return [
            Extent(int(item["offset"]), int(item["length"]), int(item["type"]))
            for item in json.loads(answer)
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise LayerError(
            f"nbdinfo gave no map of {socket}: {answer[:80]!r}"
        ) from error


def _is_outdone(claim: Path) -> bool:
    """Tell whether a later claim has the same device as this one."""
    device, when = sysfs.read(claim), claim.stat().st_mtime_ns
    others = (
        other
        for other in claim.parent.glob(f"*{claim.suffix}")
        if other != claim and sysfs.read(other) == device
    )
    return any(other.stat().st_mtime_ns > when for other in others)


def free_devices() -> list[str]:
    """Return the NBD devices that have no connection, by number."""
    folders = (sysfs.SYS / "block").glob("nbd*")
    numbers = sorted(
        int(folder.name.removeprefix("nbd")) for folder in folders
    )
    paths = (f"/dev/nbd{number}" for number in numbers)
    return [path for path in paths if not is_connected(path)]


def _connect(device: str, socket: Path, export: str) -> None:
    privsep.nbd_client(
        "-unix",
        str(socket),
        "-name",
        export,
        device,
        "-block-size",
        "512",
        "-readonly",
        "-nonetlink",
    )


def _wait_connected(device: str) -> None:
    """Wait until a device is connected: nbd-client goes on in background."""
    _wait(
        lambda: is_connected(device) and sysfs.sectors(device) > 0,
        f"{device} is not connected though nbd-client said so",
    )


def _wait(done: Callable[[], bool], otherwise: str) -> None:
    if not waiting.until(done, _PATIENCE):
        raise LayerError(f"{otherwise}; see the kernel's log")
