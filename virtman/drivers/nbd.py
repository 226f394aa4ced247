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


def connect(socket: Path, export: str) -> str:
    """Connect a free ``/dev/nbdN`` to a Unix socket and return its path.

    :raises LayerError: no device is free; the remedy is in the message.
    :raises CommandError: the server refused.
    """
    with _choosing:
        last: CommandError | None = None
        for device in _free_devices():
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


def _free_devices() -> list[str]:
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
