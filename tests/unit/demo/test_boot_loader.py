# SPDX-License-Identifier: Apache-2.0
"""Which machine makes an image bootable, and what is said if it does not."""

import pathlib

import pytest

from demo import boot_loader, initramfs
from demo.tools import ImageError, Kernel

KERNEL = Kernel("6.1.0", pathlib.Path("/boot/vmlinuz"), pathlib.Path("/lib"))


@pytest.fixture
def run(monkeypatch):
    """Return what is run; each program says that it went well."""
    ran = []

    def record(*command, **more):
        ran.append((command, more))
        return f"...\n{boot_loader.INSTALLED}\n"

    monkeypatch.setattr(boot_loader, "run", record)
    for name in ("for_boot", "for_install"):
        monkeypatch.setattr(initramfs, name, lambda kernel: b"cpio")
    return ran


def usermode(monkeypatch, trouble):
    monkeypatch.setattr(boot_loader.xstate, "library", lambda: None)
    monkeypatch.setattr(
        boot_loader.usermode, "trouble", lambda preload: trouble
    )


def test_user_mode_linux_installs_where_it_runs(run, monkeypatch, tmp_path):
    usermode(monkeypatch, None)
    boot_loader.install(tmp_path / "disk", KERNEL, tmp_path)
    ((command, more),) = run
    assert command[0] == "linux.uml"
    assert f"ubd0={tmp_path}/disk" in command
    assert f"install.initrd={tmp_path}/initrd" in command
    assert more["env"]["TMPDIR"] == "/dev/shm"
    assert "LD_PRELOAD" not in more["env"]


def test_an_emulated_machine_installs_elsewhere(run, monkeypatch, tmp_path):
    usermode(monkeypatch, "it may trace no process")
    boot_loader.install(tmp_path / "disk", KERNEL, tmp_path)
    ((command, _),) = run
    assert command[0] == "qemu-system-x86_64"
    assert f"file={tmp_path}/disk,format=raw,if=virtio" in command


def test_a_machine_that_did_not_install_is_told_with_its_words(
    run, monkeypatch, tmp_path
):
    usermode(monkeypatch, None)
    monkeypatch.setattr(boot_loader, "run", lambda *_, **__: "no ext4")
    with pytest.raises(ImageError, match="no ext4"):
        boot_loader.install(tmp_path / "disk", KERNEL, tmp_path)


def test_its_script_says_what_is_looked_for():
    for name in ("install.sh", "install-usermode.sh"):
        assert boot_loader.INSTALLED in (initramfs.GUEST / name).read_text()
