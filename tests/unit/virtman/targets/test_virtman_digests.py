# SPDX-License-Identifier: Apache-2.0
"""Digests: right, computed once, in the background, and given up at once."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
from fake_portals import PATIENCE

from virtman.drivers import digest
from virtman.exception import CommandError
from virtman.targets.digests import Digests, Job
from virtman.targets.image_file import generation_now


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "image.raw"
    made.write_bytes(os.urandom(1 << 20))
    return made


def right(file):
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()


def job(file, image="volume-a"):
    return Job(image, file, generation_now(file))


@pytest.fixture
def known():
    """Released for each digest that became known."""
    return threading.Semaphore(0)


@pytest.fixture
def start(tmp_path, known):
    made = []

    def begin():
        told = Digests(
            tmp_path / "digests", generation_now, lambda _: known.release()
        )
        made.append(told)
        return told

    yield begin
    for digests in made:
        digests.stop()


class Hasher:
    """Stands in for the child: ends when it is told to, or unwanted."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.files = []
        self.given_up = []

    def __call__(self, file, unwanted):
        self.files.append(file)
        self.begun.release()
        for _ in range(10_000):
            if unwanted.wait(0.001):
                self.given_up.append(file)
                return None
            if self.go_on.is_set():
                return f"sha256:{file.name}"
        raise AssertionError("neither told to go on nor given up")


@pytest.fixture
def hasher(monkeypatch):
    made = Hasher()
    monkeypatch.setattr(digest, "sha256", made)
    return made


def test_a_digest_is_the_files_sha256_by_a_process_of_low_priority(
    file, monkeypatch
):
    assert digest.sha256(file, threading.Event()) == right(file)
    assert digest._LOW[:3] == ("nice", "-n", "19")
    assert digest._LOW[3:] == ("ionice", "-c", "3")


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        digest.sha256(tmp_path / "none", threading.Event())


def test_a_program_that_is_not_there_is_told(file, monkeypatch):
    monkeypatch.setattr(digest, "_LOW", ("no-such-program",))
    with pytest.raises(CommandError, match="no-such-program"):
        digest.sha256(file, threading.Event())


def test_a_digest_that_is_not_wanted_any_more_ends_its_process(tmp_path):
    endless = tmp_path / "fifo"
    os.mkfifo(endless)
    unwanted, answers = threading.Event(), []
    waiter = threading.Thread(
        target=lambda: answers.append(digest.sha256(endless, unwanted))
    )
    waiter.start()
    # Opened for writing when the child has opened it for reading.
    handle = os.open(endless, os.O_WRONLY)
    unwanted.set()
    waiter.join(PATIENCE)
    assert answers == [None]
    with pytest.raises(BrokenPipeError):
        os.write(handle, b"x")
    os.close(handle)


def test_a_digest_is_kept_with_the_content_that_it_is_of(file, start, known):
    digests = start()
    assert digests.get("volume-a", generation_now(file)) is None
    assert digests.want(job(file))
    assert known.acquire(timeout=PATIENCE)
    assert digests.get("volume-a", generation_now(file)) == right(file)
    assert digests.get("volume-a", "another") is None
    assert digests.get("volume-b", generation_now(file)) is None
    assert not digests.want(job(file))


def test_an_agent_that_was_started_again_knows_it(file, start, known):
    start().want(job(file))
    assert known.acquire(timeout=PATIENCE)
    fresh = start()
    assert fresh.get("volume-a", generation_now(file)) == right(file)
    assert not fresh.want(job(file))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"generation": 1}', "\0"])
def test_what_was_kept_badly_is_computed_again(file, start, known, text):
    digests = start()
    digests._folder.mkdir()
    digests._file("volume-a").write_text(text)
    assert digests.want(job(file))
    assert known.acquire(timeout=PATIENCE)
    assert digests.get("volume-a", generation_now(file)) == right(file)


def test_one_is_computed_at_a_time_and_none_twice(
    tmp_path, start, hasher, known
):
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.touch()
    digests = start()
    for _ in range(3):
        for file in files:
            assert digests.want(job(file, f"volume-{file.name}"))
    assert hasher.begun.acquire(timeout=PATIENCE)
    assert hasher.files == files[:1]
    hasher.go_on.set()
    for _ in files:
        assert known.acquire(timeout=PATIENCE)
    assert hasher.files == files


def test_what_is_forgotten_is_given_up(file, tmp_path, start, hasher, known):
    other = tmp_path / "other"
    other.touch()
    digests = start()
    digests.want(job(file))
    digests.want(job(other, "volume-b"))
    assert hasher.begun.acquire(timeout=PATIENCE)
    digests.forget("volume-a")
    assert hasher.begun.acquire(timeout=PATIENCE)
    assert hasher.given_up == [file]
    hasher.go_on.set()
    assert known.acquire(timeout=PATIENCE)
    assert digests.get("volume-a", generation_now(file)) is None


def test_what_is_forgotten_before_its_turn_is_not_begun(
    file, tmp_path, start, hasher, known
):
    other = tmp_path / "other"
    other.touch()
    digests = start()
    digests.want(job(file))
    digests.want(job(other, "volume-b"))
    digests.forget("volume-b")
    hasher.go_on.set()
    assert known.acquire(timeout=PATIENCE)
    digests.stop()
    assert hasher.files == [file]


def test_a_digest_that_was_known_is_forgotten(file, start, known):
    digests = start()
    digests.want(job(file))
    assert known.acquire(timeout=PATIENCE)
    digests.forget("volume-a")
    digests.forget("volume-a")
    assert digests.get("volume-a", generation_now(file)) is None


def test_a_file_that_changes_while_it_is_read_has_no_digest(
    file, start, hasher, caplog
):
    digests = start()
    digests.want(job(file))
    assert hasher.begun.acquire(timeout=PATIENCE)
    before = generation_now(file)
    os.utime(file, ns=(1, 1))
    hasher.go_on.set()
    wait_for(lambda: "was changed while it was read" in caplog.text)
    assert digests.get("volume-a", before) is None


def wait_for(condition):
    ready = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        ready.wait(0.001)
    raise AssertionError("it never came true")


@pytest.mark.parametrize("error", [OSError("no disk"), KeyError("a fault")])
def test_a_failure_keeps_no_other_from_being_computed(
    file, tmp_path, start, known, monkeypatch, caplog, error
):
    def stumble(path, unwanted):
        if path == file:
            raise error
        return "sha256:0"

    monkeypatch.setattr(digest, "sha256", stumble)
    other = tmp_path / "other"
    other.touch()
    digests = start()
    digests.want(job(file))
    digests.want(job(other, "volume-b"))
    assert known.acquire(timeout=PATIENCE)
    assert "volume-a has no digest" in caplog.text


def test_the_end_gives_up_what_is_being_computed(file, start, hasher):
    digests = start()
    digests.want(job(file))
    assert hasher.begun.acquire(timeout=PATIENCE)
    digests.stop()
    assert hasher.given_up == [file]
    assert not digests.want(job(file))
    assert not [t for t in threading.enumerate() if t.name == "digests"]


def test_what_was_ended_before_it_began_computes_nothing(start, file, hasher):
    digests = start()
    digests.stop()
    assert not digests.want(job(file))
    assert not hasher.begun.acquire(blocking=False)
