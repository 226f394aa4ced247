# SPDX-License-Identifier: Apache-2.0
"""SQLite without room, without rights, without its folder, locked."""

import contextlib
import os
import pathlib
import sqlite3
import time

import pytest
from cluster import Node, Wire, insist, placed, tree
from volt_process import DEADLINE

BEAT = 2.0


def in_namespace(script):
    """Return what starts a program after ``script`` in mounts of its own."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    shell = ["sh", "-ec", f'{script}; exec "$@"', "sh"]
    return ["unshare", "--mount", *as_root, *shell]


@pytest.fixture
def small(tmp_path, new_volt):
    """A volt-api whose registry lies in a small file system of its own."""
    folder = tmp_path / "state"
    folder.mkdir()
    volt = new_volt(state_dir=folder, heartbeat_interval=BEAT)
    mount = f"mount -t tmpfs -o size=1m none {folder}"
    volt.start(*in_namespace(mount))
    insist(lambda wire: wire("GET", "/healthz"), Wire(volt.port))
    seen = pathlib.Path(f"/proc/{volt.process.pid}/root{folder}")
    return volt, seen


def populate(volt, count=8):
    wire = Wire(volt.port)
    nodes = [Node(f"n{number}") for number in range(count)]
    for node in nodes:
        insist(node.join, wire, placed)
        insist(node.register, wire)
    return nodes, wire


def fill(folder):
    """Leave no room at all."""
    with (folder / "rubbish").open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def test_a_full_disk_is_told_and_over_when_there_is_room_again(small):
    volt, folder = small
    nodes, wire = populate(volt)
    before = tree(volt.port)
    fill(folder)
    refused = refusal_of_joins(wire)
    assert refused.error["code"] == "unavailable"
    assert int(refused.headers["retry-after"]) > 0
    assert "its disk is full" in refused.error["message"]
    # What is there is still told, and nobody is taken for silent.
    standing = tree(volt.port)
    assert before.keys() <= standing.keys()
    beat_for(4 * BEAT, nodes, wire)
    assert tree(volt.port).keys() == standing.keys()
    (folder / "rubbish").unlink()
    for node in nodes:
        insist(node.beat, wire)
    insist(Node("late").join, wire, placed)
    after = tree(volt.port)
    assert before.keys() < after.keys()
    assert "late:v" in after
    assert "Traceback" not in volt.log


def refusal_of_joins(wire):
    """Join until there is really no room, in its log neither."""
    for number in range(1000):
        answer = Node(f"guest{number}").join(wire)
        if answer.status != 200:
            assert answer.status == 503, answer
            return answer
    raise AssertionError("there is no end of room")


def beat_for(seconds, nodes, wire):
    """Beat without a pause; what has been written may be written again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for node in nodes:
            answer = node.beat(wire)
            assert answer.status in (200, 503), answer


def test_a_file_that_is_locked_for_long_is_told_so(new_volt, tmp_path):
    volt = new_volt(heartbeat_interval=600).start()
    nodes, wire = populate(volt)
    before = tree(volt.port)
    with contextlib.closing(
        sqlite3.connect(tmp_path / "volt.sqlite", isolation_level=None)
    ) as backup:
        backup.execute("BEGIN IMMEDIATE")
        refused = Node("late").join(wire)
        assert refused.status == 503
        assert "keeps it locked" in refused.error["message"]
        # Others are told at once, and what is there to all.
        assert nodes[0].beat(wire).status == 503
        assert tree(volt.port).keys() == before.keys()
        backup.execute("ROLLBACK")
    insist(Node("late").join, wire, placed)
    assert tree(volt.port).keys() == before.keys() | {"late:v"}


def refusal(volt, *prefix):
    """Return why a start ended."""
    volt.start(*prefix, wait=False)
    assert volt.process.wait(DEADLINE) == 1
    assert "Traceback" not in volt.log
    return volt.log


def test_a_read_only_file_is_refused_at_the_start(new_volt, tmp_path):
    volt = new_volt(state_dir=tmp_path / "state").start()
    populate(volt)
    assert volt.end() == 0
    lock = f"mount --bind -o ro {volt.folder}/state {volt.folder}/state"
    told = refusal(volt, *in_namespace(lock))
    assert f"{tmp_path}/state" in told
    assert "cannot be read or written" in told


def test_a_folder_that_is_missing_is_named(new_volt, tmp_path):
    url = f"sqlite:///{tmp_path}/nosuch/volt.sqlite"
    told = refusal(new_volt(database={"connection": url}))
    assert f"{tmp_path}/nosuch" in told
    assert "cannot be read or written" in told


def test_a_file_that_is_no_database_is_named(new_volt, tmp_path):
    (tmp_path / "text").write_text("no database " * 100)
    url = f"sqlite:///{tmp_path}/text"
    told = refusal(new_volt(database={"connection": url}))
    assert f"{tmp_path}/text" in told
    assert "not a database" in told
