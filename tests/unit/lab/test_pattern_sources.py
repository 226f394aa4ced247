# SPDX-License-Identifier: Apache-2.0
"""What a reader got from each source, told by the disks of the sessions."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "lab" / "guest" / "pattern.py"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """The class, over a /sys of the test's."""
    spec = importlib.util.spec_from_file_location("pattern", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("iscsi_session", "iscsi_connection"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(module.Sources, "SESSIONS", tmp_path / "iscsi_session")
    monkeypatch.setattr(
        module.Sources, "CONNECTIONS", tmp_path / "iscsi_connection"
    )
    return module.Sources


@pytest.fixture
def session(tmp_path):
    """Make a session as /sys shows it, or have its disk read some more."""

    def read(number, image, address, sectors):
        folder = tmp_path / "iscsi_session" / f"session{number}"
        disk = folder / f"device/target{number}:0:0/{number}:0:0:1/block/sda"
        connection = tmp_path / "iscsi_connection" / f"connection{number}:0"
        for made in (disk, connection):
            made.mkdir(parents=True, exist_ok=True)
        (folder / "targetname").write_text(f"iqn.x:volume-{image}\n")
        (connection / "persistent_address").write_text(f"{address}\n")
        (disk / "stat").write_text(f"  7 0 {sectors} 0 0\n")
        return folder

    return read


def test_what_was_read_before_and_of_other_images_does_not_count(
    sources, session
):
    session(1, "img3", "10.77.0.1", 80)
    session(2, "img33", "10.77.0.1", 80)
    reader = sources("img3")
    session(1, "img3", "10.77.0.1", 208)
    session(2, "img33", "10.77.0.1", 999)
    reader.look()
    assert reader.told() == {"10.77.0.1": 65536}


def test_a_session_that_is_gone_is_remembered_and_a_new_one_is_added(
    sources, session
):
    gone = session(1, "a", "10.77.0.1", 0)
    reader = sources("a")
    session(1, "a", "10.77.0.1", 128)
    reader.look()
    shutil.rmtree(gone)
    session(3, "a", "10.77.0.1", 256)
    session(4, "a", "10.77.0.2", 128)
    reader.look()
    assert reader.told() == {"10.77.0.1": 3 * 65536, "10.77.0.2": 65536}


def test_a_session_without_a_disk_yet_is_looked_at_again(sources, session):
    folder = session(1, "a", "10.77.0.1", 0)
    shutil.rmtree(folder / "device")
    reader = sources("a")
    session(1, "a", "10.77.0.1", 128)
    reader.look()
    assert reader.told() == {"10.77.0.1": 65536}


def test_a_disk_that_leaves_and_shows_no_counter_any_more_keeps_its_own(
    sources, session
):
    session(1, "a", "10.77.0.1", 24)
    reader = sources("a")
    session(1, "a", "10.77.0.1", 152)
    reader.look()
    session(1, "a", "10.77.0.1", 0)
    reader.look()
    assert reader.told() == {"10.77.0.1": 65536}
