# SPDX-License-Identifier: Apache-2.0
"""Only processes with the mark are found, and only they are ended."""

import subprocess
import sys
import uuid

import pytest

from lab import processes


@pytest.fixture
def spawn():
    started = []

    def start(word):
        code = "import sys; print(flush=True); sys.stdin.read()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def mark():
    return f"guest=lab-test.{uuid.uuid4()}"


def test_a_process_is_found_by_its_whole_mark_only(spawn, mark):
    process = spawn(mark)
    spawn(mark + "x")
    assert processes.find(mark) == [process.pid]


def test_kill_ends_the_marked_and_spares_the_others(spawn, mark):
    marked, other = spawn(mark), spawn("other" + mark)
    assert processes.kill(mark) == 1
    assert marked.wait(5) == -9
    assert other.poll() is None


def test_a_dead_process_nobody_waited_for_is_not_found(spawn, mark):
    spawn(mark)
    processes.kill(mark)
    assert processes.find(mark) == []
    assert processes.kill(mark) == 0


def test_marks_are_listed_by_their_beginning(spawn, mark):
    spawn(mark + ".a")
    spawn(mark + ".b")
    assert processes.marks(mark) == {mark + ".a", mark + ".b"}
