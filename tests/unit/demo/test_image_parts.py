# SPDX-License-Identifier: Apache-2.0
"""The parts of the image that need no machine: archive, modules, checks."""

import hashlib
import json
import lzma
import stat
import subprocess

import pytest

from demo import disk, image, initramfs, tools


@pytest.fixture
def kernel(tmp_path):
    """Return a kernel of four wanted modules, one of them built in."""
    folder = tmp_path / "lib/modules/6.1.0-9-amd64"
    folder.mkdir(parents=True)
    (folder / "modules.builtin").write_text(
        "kernel/crypto/crc32c-generic.ko\n"
    )
    (folder / "modules.dep").write_text(
        "a/virtio.ko: a/virtio_ring.ko\n"
        "a/virtio_ring.ko:\n"
        "a/virtio-pci.ko: a/virtio.ko a/virtio_ring.ko\n"
        "a/virtio_blk.ko.xz: a/virtio.ko a/virtio_ring.ko\n"
        "a/ext4.ko: a/crc16.ko\n"
    )
    (folder / "a").mkdir()
    for name in ("virtio", "virtio_ring", "virtio-pci", "ext4", "crc16"):
        (folder / f"a/{name}.ko").write_bytes(name.encode())
    (folder / "a/virtio_blk.ko.xz").write_bytes(lzma.compress(b"virtio_blk"))
    file = tmp_path / "vmlinuz-6.1.0-9-amd64"
    file.write_bytes(b"a kernel")
    return tools.Kernel("6.1.0-9-amd64", file, folder)


@pytest.fixture
def busybox(tmp_path, monkeypatch):
    file = tmp_path / "busybox"
    file.write_bytes(b"static")
    monkeypatch.setattr(initramfs, "BUSYBOX", file)


def unpacked(archive, folder):
    """Lay out a "newc" archive as a kernel does; return the folder.

    Read by the kernel's driver-api/early-userspace/buffer-format, so that it
    takes no cpio: six bytes that are always the same, thirteen numbers of
    eight hexadecimal digits, then name and data, each filled up to 4 bytes.
    """
    while archive:
        assert archive[:6] == b"070701"
        numbers = [int(archive[at : at + 8], 16) for at in range(6, 110, 8)]
        mode, size, length = numbers[1], numbers[6], numbers[11]
        name = archive[110 : 110 + length - 1].decode()
        begin = filled(110 + length)
        if name == "TRAILER!!!":
            assert archive[begin:] == b""
            return folder
        lay_out(folder / name, mode, archive[begin : begin + size])
        archive = archive[begin + filled(size) :]
    raise AssertionError("the archive has no end")


def filled(size):
    return -(-size // 4) * 4


def lay_out(path, mode, data):
    """Make a file, folder or link; its folder has to be there already."""
    match stat.S_IFMT(mode):
        case stat.S_IFDIR:
            path.mkdir(stat.S_IMODE(mode))
        case stat.S_IFLNK:
            path.symlink_to(data.decode())
        case stat.S_IFREG:
            path.write_bytes(data)
            path.chmod(stat.S_IMODE(mode))


def test_modules_come_in_the_order_they_can_be_loaded(kernel):
    names = [file.name for file in initramfs.modules(kernel)]
    assert names == [
        "virtio_ring.ko",
        "virtio.ko",
        "virtio-pci.ko",
        "virtio_blk.ko.xz",
        "crc16.ko",
        "ext4.ko",
    ]


def test_a_module_the_kernel_does_not_have_is_named(kernel):
    (kernel.modules / "modules.dep").write_text("")
    with pytest.raises(tools.ImageError, match="virtio_pci"):
        initramfs.modules(kernel)


def test_the_archive_holds_what_the_guest_script_expects(
    kernel, busybox, tmp_path
):
    folder = tmp_path / "out"
    folder.mkdir()
    unpacked(initramfs.for_boot(kernel), folder)
    assert (folder / "init").read_text().startswith("#!/bin/sh")
    assert (folder / "init").stat().st_mode & 0o777 == 0o755
    assert (folder / "bin/sh").readlink().name == "busybox"
    assert (folder / "bin/busybox").read_bytes() == b"static"
    for module in (folder / "modules").read_text().split():
        assert (folder / "lib" / module).is_file()
    assert (folder / "lib/virtio_blk.ko").read_bytes() == b"virtio_blk"
    assert all((folder / name).is_dir() for name in ("dev", "proc", "sys"))


def test_a_module_loses_its_signature_and_nothing_else():
    signature = bytes(700)
    info = bytes(8) + len(signature).to_bytes(4, "big")
    signed = b"module" + signature + info + initramfs.SIGNED
    assert initramfs._unsigned(signed) == b"module"
    assert initramfs._unsigned(b"module") == b"module"


def test_the_same_files_make_the_same_archive(kernel, busybox):
    assert initramfs.for_boot(kernel) == initramfs.for_boot(kernel)


def test_a_missing_tool_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(tools, "SEARCH", "/nowhere")
    with pytest.raises(tools.ImageError) as error:
        tools.check()
    assert "mke2fs (e2fsprogs)" in str(error.value)
    assert "apt install" in str(error.value)
    assert "extlinux" in str(error.value)


def test_a_busybox_that_needs_libraries_will_not_do(monkeypatch, tmp_path):
    dynamic = tmp_path / "busybox"
    dynamic.write_bytes(b"\x7fELF... /lib64/ld-linux-x86-64.so.2 ...")
    monkeypatch.setattr(tools, "BUSYBOX", dynamic)
    with pytest.raises(tools.ImageError, match="busybox-static"):
        tools.check()


def test_the_newest_kernel_with_modules_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "BOOT", tmp_path)
    monkeypatch.setattr(tools, "MODULES", tmp_path)
    for release in ("6.1.0-9", "6.1.0-10", "6.1.0-11"):
        (tmp_path / f"vmlinuz-{release}").touch()
    for release in ("6.1.0-9", "6.1.0-10"):
        (tmp_path / release).mkdir()
    assert tools.kernel().release == "6.1.0-10"


def test_no_kernel_is_an_error_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "BOOT", tmp_path)
    with pytest.raises(tools.ImageError, match="linux-image-amd64"):
        tools.kernel()


def test_a_command_that_fails_is_shown_with_what_it_said():
    with pytest.raises(tools.ImageError, match=r"exited 2.*no/such"):
        tools.run("ls", "/no/such")


def test_the_manifest_is_what_sha256sum_reads(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "lib").mkdir()
    for number in range(20):
        (tmp_path / f"lib/f{number:02}").write_bytes(bytes([number]) * 20000)
    disk._manifest(tmp_path)
    lines = (tmp_path / "etc/manifest").read_text().splitlines()
    assert disk.CHECKED_FILES <= len(lines) <= 2 * disk.CHECKED_FILES
    digest, _ = lines[0].split()
    assert digest == hashlib.sha256(bytes(20000)).hexdigest()
    subprocess.run(
        ["sha256sum", "-c", "--quiet", "etc/manifest"],
        cwd=tmp_path,
        check=True,
        timeout=30,
    )


def test_files_fill_the_room_and_no_more(kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "EXTRAS", ())
    for number in range(30):
        (kernel.modules / f"a/{number}").write_bytes(b"x" * 5000)
    folder = tmp_path / "root"
    folder.mkdir()
    room = 20 * 4096
    used = disk._fill(folder, kernel, room)
    copied = [file for file in folder.rglob("*") if file.is_file()]
    assert room - 5 * 4096 < used <= room
    assert sum(-(-f.stat().st_size // 4096) * 4096 for f in copied) <= used


@pytest.mark.parametrize("size_mib", [0, -1, 1])
def test_a_size_that_cannot_be_is_refused(tmp_path, size_mib):
    with pytest.raises(tools.ImageError, match="size"):
        image.build(
            tmp_path / "vm.raw", size_mib=size_mib, progress=lambda text: None
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_someone_else_is_never_overwritten(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(tools.ImageError, match="remove it"):
        image.build(path, progress=lambda text: None)
    assert path.read_text() == "data"


def test_an_image_is_kept_only_if_recipe_and_bytes_are_right(tmp_path):
    path, record = tmp_path / "vm.raw", tmp_path / "vm.raw.json"
    path.write_bytes(b"disk")
    sha256 = hashlib.sha256(b"disk").hexdigest()
    record.write_text(
        json.dumps({"recipe": "r", "bytes": 4, "sha256": sha256})
    )
    assert image._kept(path, "r") == image.ImageInfo(path, 4, sha256)
    assert image._kept(path, "other") is None
    path.write_bytes(b"dis!")
    assert image._kept(path, "r") is None
    record.write_text("no json")
    assert image._kept(path, "r") is None


def test_the_command_ends_with_one_clear_line(tmp_path, capsys):
    path = tmp_path / "precious"
    path.write_text("data")
    assert image.main([str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"demo.image: {path} exists")
