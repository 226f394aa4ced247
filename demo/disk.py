# SPDX-License-Identifier: Apache-2.0
"""Make a bootable disk: gather its files, and format it with them.

No mount and no loop device: mke2fs fills the file system from a folder.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
from collections.abc import Iterable, Iterator

from demo import initramfs
from demo.initramfs import GUEST
from demo.tools import BUSYBOX, MASTER_BOOT_RECORD, ImageError, Kernel, run

MIB = 1 << 20
START = MIB  # bytes before the file system: partition table, alignment
BLOCK = 4096
# Nearly full: the rest is inodes, bitmaps and room for a guest to write.
FILL = 0.97
EXTRAS = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale")
# Small enough to be checked quickly in a machine inside a machine.
CHECKED_FILES = 4
CHECKED_SIZE = range(16 << 10, 32 << 10)
# What the boot loader reads safely, without the work of a journal.
FEATURES = "^has_journal,^64bit,^metadata_csum,^resize_inode"
SPARE_INODES = 1024  # for the boot loader and the guest


def gather(folder: pathlib.Path, kernel: Kernel, room: int) -> None:
    """Gather the disk's files in ``folder``, up to ``room`` bytes.

    :raises ImageError: the kernel alone does not fit, or the machine has
        too few files to fill the room
    """
    _system(folder, kernel)
    used = sum(_space(file) for file in folder.rglob("*"))
    left = room - used - len(initramfs.for_boot(kernel))
    if left < 0:
        raise ImageError(
            f"the kernel needs {-left} bytes more; ask for a larger size"
        )
    filled = _fill(folder, kernel, left)
    if filled < left - MIB:
        raise ImageError(f"too few files in {kernel.modules} and {EXTRAS}")
    _manifest(folder)


def format_disk(disk: pathlib.Path, folder: pathlib.Path, size: int) -> None:
    """Write partition table and file system to a sparse file of ``size``."""
    with disk.open("wb") as file:
        file.truncate(size)
        file.write(MASTER_BOOT_RECORD.read_bytes())
    run(
        "sfdisk",
        "-q",
        str(disk),
        stdin=f"start={START // 512},type=83,bootable\n",
    )
    inodes = SPARE_INODES + sum(1 for _ in folder.rglob("*"))
    run(
        'mke2fs', '-q', '-t', 'ext4', '-O', FEATURES, '-b', str(BLOCK),
        '-m', '0', '-N', str(inodes), '-E', f'offset={START},nodiscard',
        '-d', str(folder), str(disk), f'{(size - START) // 1024}k',
    )  # fmt: skip


def _system(folder: pathlib.Path, kernel: Kernel) -> None:
    """Write the files that a guest needs to reach user space."""
    for name in ("boot/extlinux", "bin", "sbin", "etc", "var", "tmp"):
        (folder / name).mkdir(parents=True)
    for name in initramfs.MOUNT_POINTS:
        (folder / name).mkdir()
    shutil.copy(kernel.file, folder / "boot" / "vmlinuz")
    shutil.copy(GUEST / "extlinux.conf", folder / "boot/extlinux")
    shutil.copy(GUEST / "vmthunder.conf", folder / "etc")
    shutil.copy(GUEST / "init.sh", folder / "sbin/init")
    (folder / "sbin/init").chmod(0o755)
    shutil.copy(BUSYBOX, folder / "bin/busybox")
    for name in run(str(BUSYBOX), "--list").split():
        if name not in ("busybox", "init"):
            (folder / "bin" / name).symlink_to("busybox")


def _fill(folder: pathlib.Path, kernel: Kernel, room: int) -> int:
    """Copy real files while there is room; return the bytes used."""
    used = 0
    for file in _material(kernel):
        space = _space(file)
        if used + space > room:
            continue
        copy = folder / file.relative_to("/")
        if not copy.parent.is_dir():
            copy.parent.mkdir(parents=True)
            used += BLOCK
        shutil.copyfile(file, copy)
        used += space
        if room - used < BLOCK * 4:
            break
    return used


def _material(kernel: Kernel) -> Iterator[pathlib.Path]:
    """Yield this machine's files, always in the same order."""
    for folder in (kernel.modules, *map(pathlib.Path, EXTRAS)):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield file


def _space(file: pathlib.Path) -> int:
    """Return the bytes a file or folder takes in whole blocks."""
    if file.is_symlink():
        return 0
    return -(-file.stat().st_size // BLOCK) * BLOCK


def _manifest(folder: pathlib.Path) -> None:
    """Write the sums that the guest checks, from all over the disk."""
    fit = [
        file
        for file in sorted(folder.glob("lib/**/*"))
        if file.is_file() and file.stat().st_size in CHECKED_SIZE
    ]
    chosen: Iterable[pathlib.Path] = fit[:: max(1, len(fit) // CHECKED_FILES)]
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  "
        f"{file.relative_to(folder)}\n"
        for file in chosen
    ]
    (folder / "etc/manifest").write_text("".join(lines))
