# SPDX-License-Identifier: Apache-2.0
"""Paths are looked at: at each event, and now and then without one."""

from __future__ import annotations

import socket
import threading

import pytest
from fake_portals import PATIENCE

from virtman.drivers import uevents
from virtman.drivers.uevents import Uevents, image_of
from virtman.paths import monitor
from virtman.paths.monitor import PathMonitor

FAILED = b"\0".join(
    [
        b"change@/devices/virtual/block/dm-0",
        b"ACTION=change",
        b"SUBSYSTEM=block",
        b"DM_TARGET=multipath",
        b"DM_ACTION=PATH_FAILED",
        b"DM_SEQNUM=3",
        b"DM_PATH=8:0",
        b"DM_NR_VALID_PATHS=1",
        b"DM_NAME=multipath_volume-x",
        b"DM_UUID=virtman-1-multipath-volume-x",
        b"",
    ]
)


class Events:
    """Gives what a test has put in, then nothing for ever."""

    def __init__(self, *found):
        self.found = list(found)
        self.closed = False

    def wait(self, seconds):
        return self.found.pop(0) if self.found else set()

    def close(self):
        self.closed = True


class Looks(list):
    """Notes which of two images a look is to ask."""

    def __call__(self, deep):
        self.append([name for name in "ab" if name in deep])


def test_the_images_that_an_event_is_about_are_asked():
    looks = Looks()
    made = PathMonitor(Events(set(), {"a"}, set()), looks)
    for _ in range(3):
        made.turn()
    assert looks == [["a", "b"], ["a"], []]


def test_all_are_asked_when_events_were_lost():
    looks = Looks()
    made = PathMonitor(Events(set(), None), looks)
    made.turn()
    made.turn()
    assert looks[-1] == ["a", "b"]


def test_all_are_asked_now_and_then(monkeypatch):
    monkeypatch.setattr(monitor, "_ASK_EVERY", 0.0)
    looks = Looks()
    made = PathMonitor(Events(), looks)
    for _ in range(3):
        made.turn()
    assert looks == [["a", "b"]] * 3


def test_the_thread_looks_on_after_a_fault_until_it_is_stopped(monkeypatch):
    monkeypatch.setattr(monitor, "_LOOK_EVERY", 0.001)
    events, looked = Events(), threading.Semaphore(0)

    def stumble(_):
        looked.release()
        raise KeyError("a fault")

    made = PathMonitor(events, stumble)
    made.start()
    for _ in range(3):
        assert looked.acquire(timeout=PATIENCE)
    made.stop()
    assert not made.is_alive()
    assert events.closed


def test_a_message_of_a_failed_path_names_its_image():
    assert image_of(FAILED) == "volume-x"
    engine = FAILED.replace(b"-multipath-volume", b"-engine-volume")
    assert image_of(engine) == "volume-x"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff\xfe\0\0=",
        FAILED.replace(b"virtman-1-multipath", b"mpath"),
        FAILED.replace(b"-multipath-volume", b"-origin-volume"),
        FAILED.replace(b"DM_ACTION=PATH_FAILED\0", b""),
        b"add@/devices/platform/host0\0ACTION=add\0SUBSYSTEM=scsi\0",
    ],
)
def test_a_message_about_anything_else_names_none(message):
    assert image_of(message) is None


@pytest.fixture
def pipe(monkeypatch):
    """Put a pair of sockets where the kernel's is; return the other end."""
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    heard = Uevents()
    heard.close()
    heard._socket = ours
    yield heard, kernel
    heard.close()
    kernel.close()


def test_events_that_come_together_are_heard_together(pipe):
    heard, kernel = pipe
    for image in (b"x", b"y", b"x"):
        kernel.send(FAILED.replace(b"volume-x", b"volume-" + image))
    kernel.send(b"add@/devices\0")
    assert heard.wait(PATIENCE) == {"volume-x", "volume-y"}
    assert heard.wait(0.0) == set()


def test_a_socket_that_overflowed_is_told(pipe, monkeypatch):
    heard, kernel = pipe

    class Full:
        def fileno(self):
            return kernel.fileno()

        def recv(self, _):
            raise OSError(105, "No buffer space available")

        def close(self):
            pass

    real, heard._socket = heard._socket, Full()
    real.send(b"x")
    assert heard.wait(PATIENCE) is None
    real.close()


def test_without_a_socket_nothing_is_heard_and_it_is_said(monkeypatch, caplog):
    def refuse(*_):
        raise OSError("not permitted")

    monkeypatch.setattr(uevents.socket, "socket", refuse)
    heard = Uevents()
    assert "cannot be received (not permitted)" in caplog.text
    assert heard.wait(0.0) == set()
    heard.close()


def test_the_kernel_lets_any_user_listen(caplog):
    heard = Uevents()
    assert heard._socket.getsockname()[1] & 1, "the kernel's own group"
    assert "cannot be received" not in caplog.text
    heard.close()
    assert heard.wait(0.0) == set()
