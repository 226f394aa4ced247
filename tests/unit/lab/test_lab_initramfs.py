# SPDX-License-Identifier: Apache-2.0
"""The initramfs holds what it must, however the host has packed it."""

import gzip
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import initramfs, tools
from lab.errors import LabError, MissingTool


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".xz", lzma.compress), (".gz", gzip.compress)],
)
def test_a_module_is_read_however_it_is_packed(tmp_path, suffix, pack):
    module = tmp_path / f"m.ko{suffix}"
    module.write_bytes(pack(b"module"))
    assert initramfs.plain(module) == b"module"


def test_a_module_packed_by_zstd_goes_through_the_tool(tmp_path, monkeypatch):
    asked = []

    def run_bytes(argv):
        asked.append(argv)
        return b"module"

    monkeypatch.setattr(tools, "run_bytes", run_bytes)
    assert initramfs.plain(tmp_path / "m.ko.zst") == b"module"
    assert asked == [["zstd", "-dcq", str(tmp_path / "m.ko.zst")]]


def test_a_module_packed_otherwise_is_named(tmp_path):
    (tmp_path / "m.ko.lz4").write_bytes(b"")
    with pytest.raises(LabError, match=r"m\.ko\.lz4"):
        initramfs.plain(tmp_path / "m.ko.lz4")


def test_modules_come_in_the_order_of_loading_and_once(monkeypatch):
    answers = {
        "virtio_pci": "insmod /m/ring.ko\ninsmod /m/pci.ko\n",
        "9pnet_virtio": "insmod /m/ring.ko\ninsmod /m/net.ko\n",
        "9p": "builtin 9p\n",
        "overlay": "insmod /m/overlay.ko.xz \n",
    }
    monkeypatch.setattr(tools, "run", lambda argv: answers[argv[-1]])
    names = [path.name for path in initramfs.modules("6.1")]
    assert names == ["ring.ko", "pci.ko", "net.ko", "overlay.ko.xz"]


def test_modules_are_those_of_the_node_s_root(monkeypatch):
    asked = []

    def run(argv):
        asked.append(argv)
        return "insmod /roots/trixie/lib/modules/6.12/9p.ko.xz\n"

    monkeypatch.setattr(tools, "run", run)
    (module,) = initramfs.modules("6.12", Path("/roots/trixie"))
    assert module.is_relative_to("/roots/trixie")
    assert asked[0][:5] == ["modprobe", "-d", "/roots/trixie", "-S", "6.12"]


def test_the_kernel_is_that_of_the_node_s_root(tmp_path, monkeypatch):
    boot = tmp_path / "root/boot"
    boot.mkdir(parents=True)
    (boot / "vmlinuz-6.12").write_bytes(b"MZ")
    (tmp_path / "root/lib/modules/6.12").mkdir(parents=True)
    monkeypatch.setattr(initramfs, "modules", lambda *_: [])
    monkeypatch.setattr(initramfs, "fill", lambda root, wanted: root.mkdir())
    monkeypatch.setattr(initramfs, "pack", lambda root, target: target.touch())
    image, made = initramfs.build(tmp_path / "cache", tmp_path / "root")
    assert image == boot / "vmlinuz-6.12"
    assert made.name.startswith("initramfs-6.12-")


@pytest.mark.skipif(not tools.which("cpio"), reason="cpio is not installed")
def test_the_archive_holds_every_file(tmp_path):
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/x").write_text("x")
    (root / "init").write_text("#!")
    initramfs.pack(root, tmp_path / "packed")
    with (tmp_path / "packed").open("rb") as packed:
        listed = subprocess.run(
            ["cpio", "-t", "--quiet"], stdin=packed, capture_output=True
        )
    assert sorted(listed.stdout.split()) == [b"bin", b"bin/x", b"init"]


def test_a_busybox_that_needs_libraries_is_refused():
    with pytest.raises(MissingTool, match="busybox-static"):
        initramfs.static(Path(str(shutil.which("env"))))
