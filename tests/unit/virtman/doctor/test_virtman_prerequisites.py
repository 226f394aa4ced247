# SPDX-License-Identifier: Apache-2.0
"""What the host lacks is told at once, each with its remedy; the udev rule."""

from __future__ import annotations

import os

import pytest

from virtman import privsep
from virtman.cache.flashcache.engine import FlashcacheEngine
from virtman.cache.qemu.engine import QemuEngine
from virtman.doctor import prerequisites
from virtman.drivers import iscsi, udev
from virtman.exception import MissingTools

PACKAGES = {
    "dmsetup": "dmsetup", "losetup": "mount", "blockdev": "util-linux",
    "ionice": "util-linux", "modprobe": "kmod", "tgtadm": "tgt",
    "iscsiadm": "open-iscsi", "scsi_id": "udev",
    "qemu-storage-daemon": "qemu-system-common", "qemu-img": "qemu-utils",
    "nbd-client": "nbd-client", "nbdinfo": "libnbd-bin",
    "partx": "util-linux",
}  # fmt: skip


@pytest.fixture
def host(kernel, empty_programs, monkeypatch, tmp_path):
    """A host that has all; ``PATH`` is a folder of empty programs."""
    folder = empty_programs(PACKAGES)
    initiator = tmp_path / "initiatorname.iscsi"
    initiator.write_text("InitiatorName=iqn.2026-01.lab:a\n")
    monkeypatch.setattr(prerequisites, "_INITIATOR", initiator)
    sockets = tmp_path / "unix"
    sockets.write_text("0: 1 0 0 0 1 2 @ISCSIADM_ABSTRACT_NAMESPACE\n")
    monkeypatch.setattr(prerequisites, "_unix_sockets", sockets.read_text)
    kernel.folder, kernel.initiator, kernel.sockets = (
        folder, initiator, sockets,
    )  # fmt: skip
    return kernel


@pytest.fixture
def check(settings):
    def now(engine=QemuEngine):
        options = settings()
        prerequisites.check(options, engine(options))

    return now


def lacking(check):
    with pytest.raises(MissingTools) as refused:
        check()
    return str(refused.value).splitlines()[1:]


def test_a_host_that_has_all_passes_and_its_folders_are_made(
    host, check, settings
):
    check()
    options = settings()
    for folder in (options.run_dir, options.cache_dir, options.snapshot_dir):
        assert folder.is_dir()
        assert folder.stat().st_mode & 0o077 == 0
    assert host.called("modprobe", "dm_multipath")


def test_every_missing_program_is_told_at_once_with_its_package(host, check):
    for file in host.folder.iterdir():
        file.unlink()
    lines = lacking(check)
    assert len(lines) == len(PACKAGES)
    for name, package in PACKAGES.items():
        remedy = f"{name}: install the Debian package {package}"
        assert len([line for line in lines if line.endswith(remedy)]) == 1


def test_a_file_that_cannot_be_run_is_no_program(host, check):
    (host.folder / "tgtadm").chmod(0o644)
    assert lacking(check) == [
        "  program tgtadm: install the Debian package tgt"
    ]


def test_the_chosen_engine_says_what_it_needs_and_no_other_does(host, check):
    for name in ("qemu-img", "nbdinfo"):
        (host.folder / name).unlink()
    assert len(lacking(check)) == 2
    with pytest.raises(MissingTools) as refused:
        check(FlashcacheEngine)
    assert "flashcache" in str(refused.value)
    assert "qemu-img" not in str(refused.value)


def test_every_missing_module_is_told_at_once_with_the_kernels_words(
    host, check
):
    for name in ("nbd", "iscsi_tcp", "dm_snapshot"):
        host.refuse("modprobe", name)
    lines = lacking(check)
    assert len(lines) == 3
    assert all("linux-image" in line for line in lines)
    assert all("the test says no" in line for line in lines)


def test_a_module_that_the_engine_can_do_without_is_not_asked_for(host, check):
    host.refuse("modprobe", "dm-switch")
    host.refuse("modprobe", "dm_switch")
    check()


def test_daemons_that_do_not_run_are_told_with_how_to_start_them(host, check):
    host.tgt.down = True
    host.sockets.write_text("")
    host.initiator.unlink()
    tgtd, initiator, iscsid = lacking(check)
    assert "tgtd does not answer" in tgtd
    assert "systemctl start tgt" in tgtd
    assert str(host.initiator) in initiator
    assert "iscsid does not run" in iscsid
    assert "open-iscsi" in iscsid


def test_a_folder_that_cannot_be_made_is_named(host, settings, tmp_path):
    (tmp_path / "file").touch()
    options = settings(cache_dir=tmp_path / "file" / "cache")
    with pytest.raises(MissingTools, match=r"file/cache: Not a directory"):
        prerequisites.check(options, QemuEngine(options))


@pytest.fixture
def rules(kernel, monkeypatch, tmp_path):
    """A host with udev; its folder of rules."""
    control = tmp_path / "control"
    control.touch()
    monkeypatch.setattr(udev, "_CONTROL", control)
    return tmp_path / "rules.d"


def test_the_rule_is_written_once_and_udev_told_of_it(kernel, rules):
    assert udev.install(rules)
    (file,) = rules.iterdir()
    assert file.read_text() == udev.RULE
    assert kernel.calls == [("udevadm", "control", "--reload")]
    assert not udev.install(rules)
    assert len(kernel.calls) == 1


def test_a_rule_of_another_version_is_replaced(kernel, rules):
    rules.mkdir()
    (rules / "56-virtman.rules").write_text("# old\n")
    assert udev.install(rules)
    assert [f.read_text() for f in rules.iterdir()] == [udev.RULE]


def test_a_udev_that_does_not_listen_does_no_harm(kernel, rules):
    kernel.refuse("udevadm")
    assert udev.install(rules)


def test_a_host_without_udev_needs_no_rule(kernel, rules, monkeypatch):
    monkeypatch.setattr(udev, "_CONTROL", rules / "none")
    assert not udev.install(rules)
    assert not rules.exists()


def test_the_rule_speaks_of_our_devices_alone():
    lines = udev.RULE.replace("\\\n", "").splitlines()
    guard = lines.index('ENV{DM_UUID}!="virtman-*", GOTO="virtman_end"')
    for flag in ("SUBSYSTEM_RULES", "DISK_RULES", "OTHER_RULES"):
        set_flag = f'ENV{{DM_UDEV_DISABLE_{flag}_FLAG}}="1"'
        assert lines.index(set_flag) > guard
    disks = [line for line in lines if 'KERNEL=="sd*"' in line]
    assert len(disks) == 2
    assert all(f'ATTRS{{vendor}}=="{iscsi.VENDOR}' in line for line in disks)
    assert lines[-1] == 'LABEL="virtman_end"'


def test_a_rule_is_written_whole(monkeypatch, tmp_path):
    seen = []
    replace = os.replace
    file = tmp_path / "rules.d" / "56-virtman.rules"

    def watch(source, target):
        seen.append((source.read_text(), file.exists()))
        replace(source, target)
        return target

    monkeypatch.setattr(type(file), "replace", watch)
    privsep.write_udev_rule(str(file), udev.RULE)
    assert seen == [(udev.RULE, False)]
    assert [f.name for f in file.parent.iterdir()] == [file.name]
