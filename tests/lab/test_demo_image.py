# SPDX-License-Identifier: Apache-2.0
"""The image boots: a real machine, its own disk, its own boot loader."""

import contextlib
import pathlib
import shutil
import subprocess
import threading

import pytest

from demo import image, tools

pytestmark = pytest.mark.lab

DEADLINE = 240  # seconds; far beyond what a loaded machine needs
MACHINE = (
    'qemu-system-x86_64',
    '-accel', 'tcg',
    '-cpu', 'max',
    '-m', '512',
    '-nodefaults',
    '-no-reboot',
    '-display', 'none',
    '-serial', 'stdio',
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "vm.raw"
    return image.build(path, progress=print)


@pytest.fixture
def disk(built, tmp_path):
    """Return a copy of the image that a test may change."""
    return shutil.copy(built.path, tmp_path / "disk.raw")


def change(disk, command):
    """Run one debugfs command on the file system of a disk."""
    done = subprocess.run(
        [tools.find("debugfs"), "-w", "-R", command, f"{disk}?offset=1048576"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@contextlib.contextmanager
def machine(disk):
    """Boot a disk; yield its process, the console on its stdout."""
    drive = ("-drive", f"file={disk},format=raw,if=virtio")
    process = subprocess.Popen(
        [*MACHINE, *drive],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    overdue = threading.Timer(DEADLINE, process.kill)
    overdue.start()
    try:
        yield process
    finally:
        overdue.cancel()
        process.kill()
        process.wait()


def until(process, marker):
    """Return the console's lines up to the one that starts with a marker."""
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1].startswith(marker):
            return lines
    pytest.fail(f"no {marker} on the console: {lines}")


def test_the_image_has_the_size_asked_for(built):
    assert built.bytes == 409600 * 512 == built.path.stat().st_size


def test_the_image_is_nearly_full_of_real_data(built):
    with built.path.open("rb") as file:
        pages = iter(lambda: file.read(4096), b"")
        filled = sum(page.count(0) < len(page) for page in pages)
    assert filled * 4096 > 0.9 * built.bytes


def test_it_boots_to_the_marker_and_keeps_a_shell(disk):
    with machine(disk) as guest:
        lines = until(guest, "VMTHUNDER-GUEST-")
        assert lines[-1] == f"VMTHUNDER-GUEST-UP {tools.kernel().release}"
        guest.stdin.write("echo the answer is $((6 * 7))\n")
        guest.stdin.flush()
        until(guest, "the answer is 42")


def test_it_writes_its_disk_and_powers_off_when_told(disk, tmp_path):
    conf = tmp_path / "vmthunder.conf"
    conf.write_text("after=poweroff\n")
    change(disk, "rm /etc/vmthunder.conf")
    change(disk, f"write {conf} /etc/vmthunder.conf")
    with machine(disk) as guest:
        until(guest, "VMTHUNDER-GUEST-UP")
        assert guest.wait(DEADLINE) == 0
    assert change(disk, "cat /var/written").strip()


def test_it_notices_a_file_that_is_not_what_it_was(disk):
    checked = change(disk, "cat /etc/manifest").split()[1]
    change(disk, f"rm /{checked}")
    with machine(disk) as guest:
        lines = until(guest, "VMTHUNDER-GUEST-")
    assert lines[-1].startswith("VMTHUNDER-GUEST-FAILED")


def test_an_image_that_is_up_to_date_is_kept(built):
    before = built.path.stat()
    assert image.build(built.path, progress=print) == built
    assert built.path.stat() == before


def test_building_leaves_nothing_but_the_image_and_its_record(built):
    names = {path.name for path in pathlib.Path(built.path.parent).iterdir()}
    assert names == {"vm.raw", "vm.raw.json"}
