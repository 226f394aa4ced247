# SPDX-License-Identifier: Apache-2.0
"""The kernel that nodes boot: the stock one that the host has installed."""

import lzma
import tempfile
from pathlib import Path

from lab.errors import MissingTool

_XZ = b"\xfd7zXZ\x00"


def find(
    boot: Path = Path("/boot"), modules: Path = Path("/lib/modules")
) -> tuple[Path, str]:
    """Return the newest kernel that has its modules, and its version."""
    found = [
        (path, path.name.removeprefix("vmlinuz-"))
        for path in boot.glob("vmlinuz-*")
        if "cloud" not in path.name
    ]
    usable = [kernel for kernel in found if (modules / kernel[1]).is_dir()]
    if not usable:
        raise MissingTool(
            f"no kernel in {boot} with its {modules}: "
            "apt-get install linux-image-amd64"
        )
    return max(usable, key=lambda kernel: kernel[0].stat().st_mtime)


def unpack(kernel: Path, target: Path) -> Path:
    """Return a kernel that needs no unpacking by the guest, if that works.

    That takes an emulated CPU longer than all the rest of the kernel's
    start.  QEMU enters an ELF kernel by its PVH entry.  One that is packed
    with anything but xz is returned as it is.
    """
    if target.exists():
        return target
    image = kernel.read_bytes()
    start = image.find(_XZ)
    if start < 0:
        return kernel
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(lzma.LZMADecompressor().decompress(image[start:]))
    return Path(file.name).replace(target)
