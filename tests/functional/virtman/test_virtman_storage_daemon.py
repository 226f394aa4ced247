# SPDX-License-Identifier: Apache-2.0
"""A real qemu-storage-daemon over a plain file: what is read once is kept.

The driver's own graph, but for its lowest node: a file instead of a block
device, so that neither root nor a kernel feature is needed.
"""

from __future__ import annotations

import dataclasses
import os
import random
import select
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from virtman import sysfs
from virtman.cache.qemu import hydration_map
from virtman.cache.qemu.repair import written
from virtman.drivers import nbd, storage_daemon
from virtman.drivers.storage_daemon import CLUSTER, EXPORT, Files
from virtman.exception import CommandError

CLUSTERS = 20
# The last cluster is short, as is that of an image of any size.
SIZE = CLUSTERS * CLUSTER - 3 * sysfs.SECTOR
SECTORS = SIZE // sysfs.SECTOR
DEADLINE = 30


@pytest.fixture
def files():
    # A socket's path holds 107 bytes; pytest's folders may be longer.
    with tempfile.TemporaryDirectory() as folder:
        yield Files(*(Path(folder) / name for name in Files.__annotations__))


@pytest.fixture
def source(tmp_path):
    """An image without two clusters that are alike."""
    file = tmp_path / "source"
    file.write_bytes(random.Random(1).randbytes(SIZE))
    return file


@pytest.fixture
def daemon(files, source, command):
    """The daemon of one image; ended after the test."""
    command(on_a_file)
    storage_daemon.create_overlay(files, str(source), SECTORS)
    storage_daemon.start(files, str(source))
    yield files
    storage_daemon.stop(files)
    assert storage_daemon.pid(files) is None


def on_a_file(argv):
    """Take a plain file, maybe on a file system without O_DIRECT."""
    return [
        word.replace("host_device,", "file,").replace(",cache.direct=on", "")
        for word in argv
    ]


def read(files, first, count=1):
    """Read clusters through the export, as the kernel's client would."""
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(
            ["qemu-img", "dd", "-f", "raw", "-O", "raw", f"bs={CLUSTER}",
             f"skip={first}", f"count={first + count}", f"if={uri(files)}",
             f"of={copy.name}"],
            capture_output=True, timeout=DEADLINE, check=True,
        )  # fmt: skip
        return Path(copy.name).read_bytes()


def uri(files):
    return f"nbd+unix:///{EXPORT}?socket={files.socket}"


def local(files):
    """Return the clusters that the daemon says it holds."""
    runs = hydration_map.local_runs(nbd.extents(files.socket, EXPORT), SECTORS)
    return [n for first, count in runs for n in range(first, first + count)]


def cluster(source, number):
    return source.read_bytes()[number * CLUSTER : (number + 1) * CLUSTER]


def test_nothing_is_local_before_it_is_read(daemon):
    extents = nbd.extents(daemon.socket, EXPORT)
    assert 1 not in {extent.depth for extent in extents}
    assert sum(extent.length for extent in extents) == SIZE


def test_the_export_is_the_image_and_all_of_it_is_local_then(daemon, source):
    assert read(daemon, 0, CLUSTERS) == source.read_bytes()
    assert local(daemon) == list(range(CLUSTERS))


def test_what_is_read_becomes_local_and_nothing_else_does(daemon, source):
    assert read(daemon, 3) == cluster(source, 3)
    assert read(daemon, 7, 2) == cluster(source, 7) + cluster(source, 8)
    assert local(daemon) == [3, 7, 8]


def test_the_last_short_cluster_becomes_local_too(daemon, source):
    last = CLUSTERS - 1
    assert read(daemon, last) == cluster(source, last)
    assert local(daemon) == [last]


def test_what_was_read_is_not_asked_of_the_source_again(daemon, source):
    wanted = read(daemon, 3)
    other = bytes(SIZE)
    source.write_bytes(other)
    assert read(daemon, 3) == wanted
    assert read(daemon, 4) == other[:CLUSTER]


def test_the_data_file_has_every_cluster_at_the_images_own_offset(
    daemon, source
):
    read(daemon, 5, 4)
    data = daemon.data.read_bytes()
    assert len(data) == SIZE
    start, end = 5 * CLUSTER, 9 * CLUSTER
    assert data[start:end] == source.read_bytes()[start:end]
    assert set(data[:start] + data[end:]) == {0}


def test_the_data_file_is_sparse_until_something_is_read(daemon):
    assert daemon.data.stat().st_blocks * sysfs.SECTOR < CLUSTER


def test_the_export_cannot_be_written(daemon):
    done = subprocess.run(
        ["qemu-io", "-f", "raw", "-c", "write 0 512", uri(daemon)],
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode
    assert "Permission denied" in done.stderr


def test_a_daemon_is_known_by_its_pid_file_and_by_what_it_runs(daemon):
    number = int(daemon.pidfile.read_text())
    assert storage_daemon.pid(daemon) == number
    daemon.pidfile.write_text(f"{os.getpid()}\n")
    assert storage_daemon.pid(daemon) is None
    for text in ("", "x", "-1", "4194305", "999999999999"):
        daemon.pidfile.write_text(text)
        assert storage_daemon.pid(daemon) is None
    daemon.pidfile.write_text(f"{number}\n")


def test_another_images_daemon_is_not_taken_for_ones_own(daemon, tmp_path):
    copy = tmp_path / "other.pid"
    copy.write_text(daemon.pidfile.read_text())
    other = dataclasses.replace(daemon, pidfile=copy)
    assert storage_daemon.pid(other) is None
    assert not storage_daemon.stop(other)


def test_a_daemon_that_has_lost_its_pid_file_is_found_and_ended(daemon):
    daemon.pidfile.unlink()
    assert storage_daemon.pid(daemon) is None
    assert storage_daemon.stop(daemon)
    assert storage_daemon.find(daemon) is None


def test_a_daemon_ends_when_told_and_telling_it_again_changes_nothing(daemon):
    assert storage_daemon.stop(daemon)
    assert storage_daemon.pid(daemon) is None
    assert not storage_daemon.stop(daemon)


def test_what_was_kept_is_there_for_the_next_daemon(daemon, source):
    wanted = read(daemon, 3)
    storage_daemon.stop(daemon)
    source.write_bytes(bytes(SIZE))
    storage_daemon.start(daemon, str(source))
    assert local(daemon) == [3]
    assert read(daemon, 3) == wanted


def test_a_daemon_that_cannot_start_says_why(files, source, command):
    command(on_a_file)
    storage_daemon.create_overlay(files, str(source), SECTORS)
    with pytest.raises(CommandError, match="missing"):
        storage_daemon.start(files, str(source.with_name("missing")))
    assert storage_daemon.pid(files) is None


def test_the_overlay_is_made_without_a_look_at_the_source(files, command):
    command(on_a_file)
    storage_daemon.create_overlay(files, "/dev/mapper/not-there-yet", SECTORS)
    assert files.data.stat().st_size == SIZE


def test_what_a_killed_daemon_held_is_told_by_its_file(daemon, source):
    """And the next one starts on the files, though it knows nothing of it."""
    last = CLUSTERS - 1
    for first, count in ((3, 1), (7, 2), (last, 1)):
        read(daemon, first, count)
    ended = os.pidfd_open(storage_daemon.pid(daemon))
    signal.pidfd_send_signal(ended, signal.SIGKILL)
    assert select.select([ended], [], [], DEADLINE)[0]
    os.close(ended)
    runs = hydration_map.local_runs(written(daemon.data), SECTORS)
    assert list(runs) == [(3, 1), (7, 2), (last, 1)]
    storage_daemon.start(daemon, str(source))
    assert read(daemon, 0, CLUSTERS) == source.read_bytes()
