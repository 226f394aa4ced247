# SPDX-License-Identifier: Apache-2.0
"""Block devices are claimed, although a program holds them for a moment."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from virtman.exception import LayerError
from virtman.privsep import devices


@pytest.fixture
def held(monkeypatch, tmp_path):
    """A device, and how often opening it is refused, and with what."""
    file = tmp_path / "disk"
    file.write_bytes(b"x" * 8192)
    opens = {"file": str(file), "times": 0, "errno": errno.EBUSY, "asked": 0}
    real = os.open

    def opening(path, flags, *more, **words):
        if path != opens["file"]:
            return real(path, flags, *more, **words)
        assert flags & os.O_EXCL
        opens["asked"] += 1
        if opens["asked"] <= opens["times"]:
            raise OSError(opens["errno"], os.strerror(opens["errno"]))
        return real(path, flags & ~os.O_EXCL)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(devices, "HELD_DEADLINE", 0.2)
    monkeypatch.setattr(devices.context, "client_mode", False)
    return opens


def test_one_that_is_held_for_a_moment_can_be_claimed(held):
    held["times"] = 2
    assert devices.claimable(held["file"]) is None
    assert held["asked"] == 3


def test_one_that_stays_held_is_told(held):
    held["times"] = 10**6
    assert devices.claimable(held["file"]) == "Device or resource busy"
    with pytest.raises(LayerError, match="resource busy"):
        devices.wipe(held["file"], 4096)


def test_one_that_is_missing_is_told_at_once(held):
    held |= {"times": 10**6, "errno": errno.ENOENT}
    assert devices.claimable(held["file"]) == "No such file or directory"
    assert held["asked"] == 1


def test_one_that_is_held_for_a_moment_is_wiped(held):
    held["times"] = 2
    devices.wipe(held["file"], 4096)
    assert Path(held["file"]).read_bytes() == bytes(4096) + b"x" * 4096
