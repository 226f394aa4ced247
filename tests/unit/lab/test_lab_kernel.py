# SPDX-License-Identifier: Apache-2.0
"""The right kernel is found, and unpacked where that can be done."""

import lzma
import os
import struct

import pytest

from lab import kernel, tools
from lab.errors import MissingTool


def touch(path, when):
    path.write_text("kernel")
    os.utime(path, (when, when))


def test_the_newest_kernel_with_modules_is_taken(tmp_path):
    boot, modules = tmp_path / "boot", tmp_path / "modules"
    boot.mkdir()
    for version, when in (("1", 1), ("2", 2), ("3", 3), ("4-cloud", 4)):
        touch(boot / f"vmlinuz-{version}", when)
        if version != "3":
            (modules / version).mkdir(parents=True)
    found = kernel.find(boot, modules)
    assert found == (boot / "vmlinuz-2", "2")


def test_no_kernel_names_the_package(tmp_path):
    with pytest.raises(MissingTool, match="linux-image-amd64"):
        kernel.find(tmp_path, tmp_path)


def boot_image(payload):
    """A boot image: two sectors of setup, 8 bytes of code, the payload."""
    setup = bytearray(1024)
    setup[0x1F1] = 1
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", setup, 0x248, 8, len(payload))
    return bytes(setup) + b"unpacker" + payload + b"what follows"


def test_a_kernel_packed_with_xz_is_unpacked_once(tmp_path):
    image, target = tmp_path / "vmlinuz", tmp_path / "vmlinux"
    image.write_bytes(boot_image(lzma.compress(b"\x7fELF") + b"size"))
    assert kernel.unpack(image, target) == target
    assert target.read_bytes() == b"\x7fELF"
    image.unlink()
    assert kernel.unpack(image, target) == target


def test_a_kernel_packed_with_zstd_goes_through_the_tool(
    tmp_path, monkeypatch
):
    def run_bytes(argv, *, stdin):
        assert argv == ["zstd", "-dcq"]
        assert stdin == kernel._ZSTD + b"packed"
        return b"\x7fELF"

    monkeypatch.setattr(tools, "run_bytes", run_bytes)
    image, target = tmp_path / "vmlinuz", tmp_path / "vmlinux"
    image.write_bytes(boot_image(kernel._ZSTD + b"packed" + b"size"))
    assert kernel.unpack(image, target) == target
    assert target.read_bytes() == b"\x7fELF"


@pytest.mark.parametrize(
    "content", [b"MZ boot code and whatever", boot_image(b"\x1f\x8b gzip")]
)
def test_a_kernel_packed_otherwise_is_left_to_the_guest(tmp_path, content):
    image = tmp_path / "vmlinuz"
    image.write_bytes(content)
    assert kernel.unpack(image, tmp_path / "vmlinux") == image
    assert not (tmp_path / "vmlinux").exists()
