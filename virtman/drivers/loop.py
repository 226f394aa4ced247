# SPDX-License-Identifier: Apache-2.0
"""Attaches files to loop devices, and finds these devices through /sys."""

from __future__ import annotations

import re
from pathlib import Path

from virtman import privsep, sysfs

_NAME = re.compile("/dev/loop[0-9]{1,7}")


def attach(
    file: Path, *, readonly: bool = False, device: str | None = None
) -> str:
    """Attach ``file`` to ``device`` or the first free loop device.

    :returns: the loop device's path, ``/dev/loopN``.
    :raises CommandError: the file is missing, the device is in use, or no
        loop device is free.
    """
    flags = ["--read-only"] if readonly else []
    if device is not None:
        privsep.losetup(*flags, device, str(file))
        return device
    return privsep.losetup("--find", "--show", *flags, str(file)).strip()


def detach(device: str) -> None:
    """Detach a loop device; the kernel waits for its last user to go."""
    privsep.losetup("--detach", device)


def backing_file(device: str) -> Path | None:
    """Return the file behind a loop device, None if it has none."""
    folder = sysfs.block_dir(device)
    text = sysfs.read(folder / "loop" / "backing_file") if folder else None
    return Path(text.removesuffix(" (deleted)")) if text else None


def devices_of(file: Path) -> list[str]:
    """Return the paths of the loop devices that stand on ``file``."""
    wanted = str(file.resolve())
    return [
        f"/dev/{entry.parent.parent.name}"
        for entry in sorted(
            (sysfs.SYS / "block").glob("loop*/loop/backing_file")
        )
        if (sysfs.read(entry) or "").removesuffix(" (deleted)") == wanted
    ]


def attached() -> list[tuple[str, Path]]:
    """Return every loop device in use with the file behind it, by path."""
    folders = sorted((sysfs.SYS / "block").glob("loop*/loop"))
    files = (
        (folder, sysfs.read(folder / "backing_file")) for folder in folders
    )
    return [
        (f"/dev/{folder.parent.name}", Path(text.removesuffix(" (deleted)")))
        for folder, text in files
        if text
    ]


def first_free() -> str:
    """Return the first loop device without a file.

    The kernel makes one if all are in use.
    """
    return privsep.losetup("--find").strip()


def is_name(device: object) -> bool:
    """Tell whether a value is the kernel's own name of a loop device.

    Targets are found again by the name that the kernel gives, so they must
    not be made by another one, such as a link.
    """
    return isinstance(device, str) and bool(_NAME.fullmatch(device))


def is_free(device: str) -> bool:
    """Tell whether a loop device exists and has no file behind it."""
    folder = sysfs.block_dir(device)
    if folder is None or not folder.name.startswith("loop"):
        return False
    return backing_file(device) is None
