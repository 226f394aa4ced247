# SPDX-License-Identifier: Apache-2.0
"""The programs and files that an image is made with, and their packages."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil
import subprocess
from collections.abc import Mapping

PACKAGES = {
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "extlinux": "extlinux",
    "ldd": "libc-bin",
    "qemu-system-x86_64": "qemu-system-x86",
}
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MASTER_BOOT_RECORD = pathlib.Path("/usr/lib/EXTLINUX/mbr.bin")
BUSYBOX = pathlib.Path("/bin/busybox")
BOOT = pathlib.Path("/boot")
MODULES = pathlib.Path("/lib/modules")


class ImageError(Exception):
    """The image cannot be built; the message says why, and the remedy."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kernel:
    """One of Debian's kernels: its release, its file, its modules."""

    release: str
    file: pathlib.Path
    modules: pathlib.Path


def check() -> None:
    """Check that the host has all programs and files for an image.

    :raises ImageError: names each missing thing with its package
    """
    missing = {
        name: package
        for name, package in PACKAGES.items()
        if shutil.which(name, path=SEARCH) is None
    }
    if not MASTER_BOOT_RECORD.exists():
        missing[str(MASTER_BOOT_RECORD)] = "extlinux"
    if not _is_static(BUSYBOX):
        missing["a static /bin/busybox"] = "busybox-static"
    if missing:
        wanted = ", ".join(f"{name} ({p})" for name, p in missing.items())
        packages = " ".join(sorted(set(missing.values())))
        raise ImageError(f"missing: {wanted}; apt install {packages}")


def kernel() -> Kernel:
    """Return the newest installed kernel that has its modules.

    :raises ImageError: the host has no such kernel
    """
    kernels = [
        Kernel(release, file, MODULES / release)
        for file in BOOT.glob("vmlinuz-*")
        if (MODULES / (release := file.name.partition("-")[2])).is_dir()
    ]
    if not kernels:
        raise ImageError(
            f"no kernel {BOOT}/vmlinuz-* with modules in {MODULES}; "
            f"apt install linux-image-amd64"
        )
    return max(kernels, key=lambda kernel: _version(kernel.release))


def find(program: str) -> pathlib.Path:
    """Return the path of a program, in /sbin too for ordinary users.

    :raises ImageError: the program is not installed
    """
    where = shutil.which(program, path=SEARCH)
    if where is None:
        raise ImageError(
            f"the program {program} is missing: apt install "
            f"{PACKAGES.get(program, program)}"
        )
    return pathlib.Path(where)


def run(
    *command: str,
    stdin: str | None = None,
    seconds: float = 120,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command; return its output.

    :param env: all its variables; None: those of this process
    :raises ImageError: it failed, or took longer than ``seconds``
    """
    try:
        done = subprocess.run(
            [find(command[0]), *command[1:]],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=env,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"{command[0]} took over {seconds} s") from error
    if done.returncode:
        raise ImageError(
            f"{' '.join(command)} exited {done.returncode}: "
            f"{done.stdout[-500:]}{done.stderr[-500:]}"
        )
    return done.stdout


def _is_static(program: pathlib.Path) -> bool:
    """Tell whether a program exists and names no dynamic loader."""
    return program.exists() and b"/ld-linux" not in program.read_bytes()


def _version(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release)]
