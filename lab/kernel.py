# SPDX-License-Identifier: Apache-2.0
"""The kernel that nodes boot: the stock one that their root has installed."""

from __future__ import annotations

import lzma
import struct
import tempfile
from pathlib import Path

from lab import tools
from lab.errors import MissingTool

_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"


def find(
    boot: Path = Path("/boot"), modules: Path = Path("/lib/modules")
) -> tuple[Path, str]:
    """Return the newest kernel that has its modules, and its version."""
    kernels = [
        (path, path.name.removeprefix("vmlinuz-"))
        for path in boot.glob("vmlinuz-*")
        if "cloud" not in path.name
    ]
    usable = [kernel for kernel in kernels if (modules / kernel[1]).is_dir()]
    if not usable:
        raise MissingTool(
            f"{boot} has no kernel with its modules in {modules}: "
            "apt-get install linux-image-amd64 (a root other than / is made "
            "by tools/debian-root)"
        )
    return max(usable, key=lambda kernel: kernel[0].stat().st_mtime)


def unpack(kernel: Path, target: Path) -> Path:
    """Return an unpacked kernel, so that the guest need not unpack it.

    Unpacking takes an emulated CPU longer than all the rest of the kernel's
    start.  QEMU enters an ELF kernel by its PVH entry.  A kernel that is
    packed with anything but xz or zstd is returned as it is.
    """
    if target.exists():
        return target
    plain = _plain(_payload(kernel.read_bytes()))
    if plain is None:
        return kernel
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(plain)
    return Path(file.name).replace(target)


def _payload(image: bytes) -> bytes:
    """Return the packed kernel in a boot image, empty if none is found.

    By the header of setup that the kernel's Documentation/arch/x86/boot.rst
    describes: setup_sects, magic, payload_offset and payload_length.
    """
    if image[0x202:0x206] != b"HdrS":
        return b""
    offset, length = struct.unpack_from("<II", image, 0x248)
    begin = (image[0x1F1] + 1) * 512 + offset
    return image[begin : begin + length]


def _plain(payload: bytes) -> bytes | None:
    """Return a payload unpacked, None if it is neither xz nor zstd."""
    # Behind either is its unpacked size, which xz leaves alone (scripts/
    # Makefile.lib: size_append) and the tool zstd does not.
    if payload.startswith(_XZ):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(_ZSTD):
        return tools.run_bytes(["zstd", "-dcq"], stdin=payload[:-4])
    return None
