# SPDX-License-Identifier: Apache-2.0
"""What disks and sessions say of themselves, and which disk is the image."""

from __future__ import annotations

import pytest
from fake_portals import source

from virtman import sysfs
from virtman.drivers import disk
from virtman.exception import CommandError, WrongIdentity
from virtman.image.identity import Identity
from virtman.model import ImageFacts
from virtman.path import Path, SessionState

SERIAL = "VMT0123456789ABCDEF"
TOLD = f"""\
ID_SCSI=1
ID_VENDOR=VIRTMAN
ID_SERIAL=SVIRTMAN_IMAGE_{SERIAL}
ID_SERIAL_SHORT={SERIAL}
"""


@pytest.fixture
def path(kernel):
    """A disk of the image."""
    name = kernel.sys.add("sd", 8)
    page = kernel.sys.folder(name) / "device" / "vpd_pg80"
    page.write_bytes(b"\0\x80\0\x18" + SERIAL.encode() + b"  \0\0\0")
    return Path(source("parent"), f"/dev/{name}", 8)


def answer(kernel, text):
    kernel.tools["/lib/udev/scsi_id"] = lambda args, stdin: text


def test_a_disk_tells_the_serial_number_that_the_target_gave_it(kernel, path):
    assert disk.serial(path.device) == SERIAL
    page = kernel.sys.folder("sda") / "device" / "vpd_pg80"
    page.write_bytes(b"\0\x80\0\x02\xff\xfe")
    assert disk.serial(path.device) == "\ufffd\ufffd"
    page.write_bytes(b"")
    assert disk.serial(path.device) == ""
    page.unlink()
    assert disk.serial(path.device) == ""
    assert disk.serial("/dev/none") == ""


def test_a_disk_is_asked_anew_what_it_is(kernel, path):
    answer(kernel, TOLD)
    assert disk.serial_now(path.device) == SERIAL
    ((asked),) = kernel.calls
    assert asked[-1] == "--device=/dev/sda"
    assert kernel.deadlines[asked] < 60
    answer(kernel, "ID_SCSI=1\n")
    assert disk.serial_now(path.device) == ""


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A disk below its session; the function writes the session's state."""
    folder = tmp_path / "host2" / "session7" / "target2:0:0" / "block" / "sdb"
    folder.mkdir(parents=True)
    file = tmp_path / "host2/session7/iscsi_session/session7/state"
    file.parent.mkdir(parents=True)
    disks = {"/dev/sdb": folder, "/dev/sdc": tmp_path}
    monkeypatch.setattr(sysfs, "block_dir", disks.get)
    return lambda state: file.write_text(f"{state}\n")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("LOGGED_IN", SessionState.UP),
        ("FAILED", SessionState.DOWN),
        ("FREE", SessionState.DOWN),
        ("", SessionState.DOWN),
    ],
)
def test_a_session_is_up_while_it_is_logged_in(session, state, expected):
    session(state)
    assert disk.session("/dev/sdb") is expected


def test_a_session_without_its_disk_is_gone(session):
    assert disk.session("/dev/sda") is SessionState.GONE
    assert disk.session("/dev/sdc") is SessionState.GONE


def test_the_first_disk_says_what_the_image_is_when_nobody_else_does(path):
    identity = Identity("volume-a")
    identity.check(path)
    assert identity.facts == ImageFacts(8, "", SERIAL)


def test_a_disk_that_was_back_is_the_image_if_it_says_so_now(kernel, path):
    identity = Identity("volume-a")
    identity.check(path)
    answer(kernel, TOLD)
    identity.check_again(path)
    answer(kernel, TOLD.replace(SERIAL, "VMTOTHER"))
    with pytest.raises(WrongIdentity, match=f"'VMTOTHER'.*'{SERIAL}'"):
        identity.check_again(path)


def test_a_disk_that_does_not_answer_is_not_taken_for_the_image(kernel, path):
    identity = Identity("volume-a")
    identity.check(path)
    kernel.refuse("/lib/udev/scsi_id")
    with pytest.raises(CommandError):
        identity.check_again(path)
