# SPDX-License-Identifier: Apache-2.0
"""The kernel's NBD client, and the server's answer to what it holds.

Protocol: the NetworkBlockDevice project's ``doc/proto.md``.  The metadata
context ``qemu:allocation-depth`` is QEMU's (``docs/interop/nbd.txt``): 1
means the top layer holds the bytes, 2 and more a backing file, 0 nothing.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from virtman import privsep, sysfs
from virtman.exception import CommandError, LayerError

# One choice of a free device at a time in this process; another process
# that wins the race shows as an error of nbd-client, and the next is tried.
_choosing = threading.Lock()


@dataclass(frozen=True)
class Extent:
    """A run of bytes with the same allocation depth."""

    offset: int
    length: int
    depth: int


def connect(socket: Path, export: str, claim: Path) -> str:
    """Connect a free ``/dev/nbdN`` to a Unix socket and return its path.

    :param claim: a file that gets the device's path before it is connected:
        the kernel does not tell to what a device is.
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
            return device
    if last is not None:
        raise last
    raise LayerError(
        "no free NBD device: load the module with more of them, "
        "'modprobe -r nbd && modprobe nbd nbds_max=64'"
    )


def disconnect(device: str) -> None:
    """Disconnect an NBD device; one that has no connection is fine."""
    if is_connected(device):
        privsep.nbd_client("-d", device)


def claimed(claim: Path, sectors: int) -> str | None:
    """Return the device of a claim if it is connected, and by us.

    Another program may have been faster at that device and our agent killed
    before it tried the next; that one's has another size, is in use or can
    be written.  Only what is free is claimed, so a later claim of the same
    device shows that an earlier one came to nothing.

    :param sectors: size of our export in sectors of 512 bytes.
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
    """Tell whether the kernel has a connection for the device."""
    return (sysfs.SYS / "block" / Path(device).name / "pid").exists()


def extents(socket: Path, export: str) -> list[Extent]:
    """Ask the server which bytes its top layer holds, in order.

    :raises LayerError: the answer is no map.
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
    """Tell whether a later claim is for the same device."""
    device, when = sysfs.read(claim), claim.stat().st_mtime_ns
    others = (
        other
        for other in claim.parent.glob(f"*{claim.suffix}")
        if other != claim and sysfs.read(other) == device
    )
    return any(other.stat().st_mtime_ns > when for other in others)


def free_devices() -> list[str]:
    """Return the devices that have no connection, by number."""
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
    )
