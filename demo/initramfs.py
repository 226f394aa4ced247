# SPDX-License-Identifier: Apache-2.0
"""The first file system of a guest: busybox, a few modules, a script.

Written in the "newc" form of cpio (the kernel's driver-api/early-userspace/
buffer-format.rst), and not compressed: an emulated machine unpacks slower
than it reads.
"""

from __future__ import annotations

import lzma
import pathlib
import re
import stat
from collections.abc import Iterator, Mapping

from demo.tools import BUSYBOX, ImageError, Kernel, find, run

GUEST = pathlib.Path(__file__).with_name("guest")
# The disk, what is on it, and the checksum that ext4 asks for by name.
WANTED = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
SIGNED = b"~Module signature appended~\n"
MOUNT_POINTS = ("dev", "proc", "sys", "root")


def for_boot(kernel: Kernel) -> bytes:
    """Return the initramfs from which the image boots."""
    return _archive(_files(kernel, "initramfs.sh"))


def for_install(kernel: Kernel) -> bytes:
    """Return the initramfs that installs extlinux on the image, and ends."""
    program = find("extlinux")
    files = _files(kernel, "install.sh")
    files["initrd"] = for_boot(kernel)
    files["extlinux"] = program.read_bytes()
    for library in re.findall(r"/\S+", run("ldd", str(program))):
        files[library.lstrip("/")] = pathlib.Path(library).read_bytes()
    return _archive(files)


def modules(kernel: Kernel) -> list[pathlib.Path]:
    """Return the files of the wanted modules, in the order of loading.

    What the kernel has built in needs no file.

    :raises ImageError: the kernel knows no such module
    """
    builtin = {
        _name(line) for line in _lines(kernel.modules / "modules.builtin")
    }
    needs = dict(_needs(kernel))
    order: list[pathlib.Path] = []
    for wanted in WANTED:
        if wanted in builtin:
            continue
        if wanted not in needs:
            raise ImageError(f"{kernel.modules} has no module {wanted}")
        order += [file for file in needs[wanted] if file not in order]
    return order


def _files(kernel: Kernel, init: str) -> dict[str, bytes]:
    """Return path and content of each file; ``init`` is run first."""
    order = modules(kernel)
    names = "".join(f"{_name(file.name)}.ko\n" for file in order)
    files = {
        "init": (GUEST / init).read_bytes(),
        "bin/busybox": BUSYBOX.read_bytes(),
        "modules": names.encode(),
    }
    for file in order:
        files[f"lib/{_name(file.name)}.ko"] = _content(file)
    return files


def _needs(kernel: Kernel) -> Iterator[tuple[str, list[pathlib.Path]]]:
    """Yield each module with its files, the ones it stands on first."""
    for line in _lines(kernel.modules / "modules.dep"):
        file, _, below = line.partition(":")
        order = [*reversed(below.split()), file]
        yield _name(file), [kernel.modules / path for path in order]


def _lines(file: pathlib.Path) -> list[str]:
    return file.read_text().splitlines()


def _name(file: str) -> str:
    """Return the name of the module in a file, ``-`` and ``_`` being one."""
    return pathlib.PurePath(file).name.partition(".")[0].replace("-", "_")


def _content(module: pathlib.Path) -> bytes:
    """Return a module as insmod wants it; some kernels keep them packed."""
    if module.suffix == ".zst":
        raise ImageError(
            f"{module}: packed with zstd, which this cannot read; install "
            f"Debian's linux-image-amd64"
        )
    data = module.read_bytes()
    return _unsigned(lzma.decompress(data) if module.suffix == ".xz" else data)


def _unsigned(module: bytes) -> bytes:
    """Return a module without the signature at its end.

    Verifying eleven signatures would be a fourth of all the guest computes
    until it is up (QEMU's -icount: 4.5 s with them, 3.2 without).  The end
    is the signature, 12 bytes that end in its length, and the marker (the
    kernel's include/linux/module_signature.h).
    """
    if not module.endswith(SIGNED):
        return module
    tail = len(module) - len(SIGNED)
    length = int.from_bytes(module[tail - 4 : tail], "big")
    return module[: tail - 12 - length]


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Return a cpio archive of files, all executable, owned by root."""
    folders = {
        str(folder)
        for name in files
        for folder in pathlib.PurePosixPath(name).parents
        if folder.name
    }
    entries = [
        *(
            _entry(f, stat.S_IFDIR, b"")
            for f in sorted({*folders, *MOUNT_POINTS})
        ),
        *(_entry(n, stat.S_IFREG, data) for n, data in files.items()),
        _entry("bin/sh", stat.S_IFLNK, b"busybox"),
        _entry("TRAILER!!!", 0, b""),
    ]
    return b"".join(entries)


def _entry(name: str, kind: int, data: bytes) -> bytes:
    """Return one member: magic, thirteen numbers, name, data, padded to 4."""
    path = name.encode() + b"\0"
    inode, mode, links = 0, kind | 0o755, 1
    head = [inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0]
    numbers = "".join(f"{number:08x}" for number in head).encode()
    return _padded(b"070701" + numbers + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
