# SPDX-License-Identifier: Apache-2.0
"""Image targets: only a file that can be served, all of it or nothing."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import threading

import pytest
from fake_volt import FakeVolt

from virtman import names
from virtman.drivers import digest
from virtman.exception import (
    AlreadyExists,
    CommandError,
    InUse,
    InvalidRequest,
    NotFound,
)
from virtman.state.intents import Intents
from virtman.targets.image_file import inspect
from virtman.targets.imageservice import ImageService, ImageTarget

IQN = "iqn.2010-10.org.openstack:volume-a"


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "image.raw"
    made.write_bytes(bytes(4096))
    return made


@pytest.fixture
def volt():
    return FakeVolt()


class Computed(list):
    """The files of which a digest was computed; ``answer`` is each's."""

    answer = None

    def __call__(self, file, unwanted):
        self.append(str(file))
        return self.answer


@pytest.fixture(autouse=True)
def computed(monkeypatch):
    """No file has a digest unless a test says so."""
    made = Computed()
    monkeypatch.setattr(digest, "sha256", made)
    return made


@pytest.fixture
def start(kernel, settings, volt):
    """Start a service, as after a start of the agent."""
    made = []

    def begin(coordinator=volt):
        options = settings(iscsi_port=3261)
        intents = Intents(options.state_dir / "intents")
        intents.load()
        made.append(ImageService(options, coordinator, intents))
        return made[-1]

    yield begin
    for service in made:
        service.stop()


@pytest.fixture
def service(kernel, start):
    """A service that has told volt all that was there before it."""
    made = start()
    made.republish()
    kernel.calls.clear()
    return made


def test_a_plain_file_of_whole_sectors_is_served(kernel, file):
    facts = inspect("volume-a", file)
    assert facts.sectors == 8
    assert facts.serial == names.serial("volume-a", 8, facts.generation)
    assert facts == inspect("volume-a", file)


def test_a_file_that_was_written_again_is_another_image(kernel, file):
    before = inspect("volume-a", file)
    os.utime(file, ns=(1, 1))
    assert inspect("volume-a", file).serial != before.serial


def refused(path, error, *words):
    with pytest.raises(error) as said:
        inspect("volume-a", path)
    assert f"image file_path = {path}" in str(said.value)
    for word in words:
        assert word in str(said.value)


def test_a_file_that_is_missing_is_refused_in_the_contracts_words(
    kernel, tmp_path
):
    path = tmp_path / "none"
    with pytest.raises(InvalidRequest) as said:
        inspect("volume-a", path)
    assert str(said.value) == f"image file_path = {path} not exists"


def test_an_empty_file_is_refused(kernel, file):
    file.write_bytes(b"")
    refused(file, InvalidRequest, "is empty")


@pytest.mark.parametrize("size", [1, 511, 513, 4097])
def test_a_file_of_an_odd_size_is_refused_with_the_remedy(kernel, file, size):
    file.write_bytes(bytes(size))
    refused(file, InvalidRequest, f"{size} bytes", "512", "truncate")


def test_a_directory_is_refused(kernel, tmp_path):
    refused(tmp_path, InvalidRequest, "not a plain file")


def test_a_fifo_is_refused_and_not_waited_for(kernel, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", InvalidRequest, "not a plain file")


def test_a_symbolic_link_is_refused(kernel, tmp_path, file):
    (tmp_path / "link").symlink_to(file)
    refused(tmp_path / "link", InvalidRequest, "symbolic link")


def test_a_path_with_a_null_byte_is_refused(kernel):
    with pytest.raises(InvalidRequest, match="cannot be opened"):
        inspect("volume-a", pathlib.Path("a\0b"))


def test_a_file_that_somebody_writes_is_refused(kernel, file):
    with file.open("r+b"):
        refused(file, InUse, "open for writing")
    inspect("volume-a", file)


def test_a_file_that_somebody_reads_is_served(kernel, file):
    with file.open("rb"):
        inspect("volume-a", file)


def test_a_file_on_a_loop_device_is_refused_by_the_devices_name(kernel, file):
    kernel.run(["losetup", "--find", "--show", str(file)])
    refused(file, InUse, "attached to /dev/loop0")


def test_a_target_is_a_read_only_loop_device_exported_by_tgt(
    kernel, service, file
):
    made = service.create("a", str(file))
    assert made == ImageTarget("volume-a", 1, "/dev/loop0", IQN)
    served = kernel.tgt.served(IQN)
    assert (served.device, served.readonly) == ("/dev/loop0", "Yes")
    assert served.serial == inspect_serial(file)
    assert "--read-only" in kernel.called("losetup")[1]
    assert service.targets() == [made]


def inspect_serial(file):
    found = file.stat()
    generation = f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
    return names.serial("volume-a", found.st_size // 512, generation)


def test_volt_is_told_what_is_served_and_where(kernel, service, volt, file):
    service.create("a", str(file))
    ((verb, (peer, facts)),) = volt.heard
    assert verb == "publish"
    assert (peer.image, peer.host, peer.port) == (
        "volume-a", "127.0.0.1", 3261,
    )  # fmt: skip
    assert (peer.iqn, peer.lun, facts.sectors) == (IQN, 1, 8)
    service.destroy("a")
    assert volt.heard[-1] == ("withdraw", peer)


def test_a_name_is_exported_once(kernel, service, file, tmp_path):
    service.create("a", str(file))
    before = kernel.left()
    other = tmp_path / "other"
    other.write_bytes(bytes(512))
    for name in ("a", "volume-a"):
        with pytest.raises(AlreadyExists, match="image_name = volume-a"):
            service.create(name, str(other))
    with pytest.raises(AlreadyExists):
        service.create("a", str(other), iqn_prefix="iqn.2026-01.lab:")
    assert kernel.left() == before


def test_a_name_that_begins_like_another_is_another(kernel, service, file):
    service.create("image10", str(file))
    with pytest.raises(NotFound, match="image_name = volume-image1 not"):
        service.destroy("image1")


@pytest.mark.parametrize("name", ["a b", "a/b", "a;b", "", "a" * 101, None])
def test_a_bad_name_changes_nothing(kernel, service, file, name):
    with pytest.raises(InvalidRequest, match="image name"):
        service.create(name, str(file))
    with pytest.raises(InvalidRequest):
        service.destroy(name)
    assert kernel.calls == []


@pytest.mark.parametrize("path", [None, 7, ["a"]])
def test_a_file_path_that_is_no_path_is_refused(kernel, service, path):
    with pytest.raises(InvalidRequest, match="file_path"):
        service.create("a", path)
    assert kernel.left() == []


def test_a_loop_device_may_be_given(kernel, service, file):
    for _ in range(3):
        kernel.sys.add("loop", 0)
    assert service.create("a", str(file), "/dev/loop2").device == "/dev/loop2"


@pytest.mark.parametrize(
    "device", ["/dev/loop0", "/dev/loop9", "/dev/sda", "", "loop1", 3]
)
def test_a_loop_device_that_is_not_free_is_refused_and_left_alone(
    kernel, service, file, tmp_path, device
):
    kernel.sys.add("sd", 8)
    used = tmp_path / "used"
    used.write_bytes(bytes(512))
    kernel.run(["losetup", kernel.free_loop(), str(used)])
    before = kernel.left()
    with pytest.raises((InUse, InvalidRequest)) as said:
        service.create("a", str(file), device)
    assert str(device) in str(said.value)
    assert kernel.left() == before


@pytest.mark.parametrize("words", [("new", "target"), ("bind",), ("update",)])
def test_a_target_that_fails_leaves_no_loop_device(
    kernel, service, file, volt, words
):
    kernel.refuse("tgtadm", *words)
    with pytest.raises(CommandError):
        service.create("a", str(file))
    assert kernel.left() == []
    assert volt.heard == []


def test_destroying_gives_everything_back_but_the_file(kernel, service, file):
    service.create("a", str(file))
    service.destroy("volume-a")
    assert kernel.left() == []
    assert file.exists()
    with pytest.raises(NotFound):
        service.destroy("a")


def test_a_target_that_serves_somebody_stays(kernel, service, file):
    service.create("a", str(file))
    kernel.tgt.served(IQN).initiators.append("iqn.2026-01.lab:node2")
    with pytest.raises(InUse, match="node2"):
        service.destroy("a")
    assert len(service.targets()) == 1
    assert kernel.loops()


def test_other_targets_of_the_host_are_neither_listed_nor_removed(
    kernel, service, file
):
    kernel.run(["tgtadm", "--lld", "iscsi", "--op", "new", "--mode", "target",
                "--tid", "1", "--targetname", IQN])  # fmt: skip
    assert service.targets() == []
    with pytest.raises(NotFound):
        service.destroy("a")
    with pytest.raises(AlreadyExists):
        service.create("a", str(file))
    assert kernel.left() == [IQN]


def test_targets_are_known_to_an_agent_that_was_started_again(
    kernel, service, start, file
):
    made = service.create("a", str(file), iqn_prefix="iqn.2026-01.lab:x:")
    fresh = start(FakeVolt())
    assert fresh.targets() == [made]
    fresh.destroy("a")
    assert kernel.left() == []


def test_a_volt_that_is_away_is_told_when_it_is_back(
    kernel, service, volt, file, caplog
):
    volt.go_away()
    service.create("a", str(file))
    service.republish()
    assert caplog.text.count("not published to volt yet") == 1
    volt.error = None
    service.republish()
    service.republish()
    assert volt.verbs() == ["publish"] * 3
    assert volt.heard[0] == volt.heard[1]


@pytest.mark.parametrize("change", ["unlink", "touch"])
def test_a_file_that_changed_meanwhile_is_not_published_and_it_is_said(
    kernel, service, volt, file, caplog, change
):
    volt.go_away()
    service.create("a", str(file))
    file.unlink() if change == "unlink" else os.utime(file, ns=(1, 1))
    volt.error = None
    service.republish()
    service.republish()
    assert volt.verbs() == ["publish"]
    assert caplog.text.count("was changed or removed since") == 1


def test_a_target_goes_though_volt_is_away(kernel, service, volt, file):
    service.create("a", str(file))
    volt.go_away()
    service.destroy("a")
    assert kernel.left() == []
    volt.error = None
    service.republish()
    assert volt.verbs() == ["publish", "withdraw"]


DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def answer(computed):
    """Let the digest of every file be this one."""
    computed.answer = DIGEST


def wait_until(condition):
    ready = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        ready.wait(0.001)
    raise AssertionError("it never came true")


def digests(volt):
    """Return the digests that volt was told, in order."""
    return [about[1].digest for verb, about in volt.heard if verb == "publish"]


def test_the_digest_is_told_when_it_is_known(
    kernel, service, volt, file, answer
):
    service.create("a", str(file))
    wait_until(lambda: len(digests(volt)) == 2)
    assert digests(volt) == [None, DIGEST]
    (_, (peer, first)), (_, (again, second)) = volt.heard
    assert peer == again
    assert dataclasses.replace(second, digest=None) == first


def test_a_digest_is_computed_once_for_a_content(
    kernel, service, start, volt, file, answer, computed
):
    service.create("a", str(file))
    wait_until(lambda: len(digests(volt)) == 2)
    service.stop()
    heard = FakeVolt()
    fresh = start(heard)
    fresh.republish()
    fresh.stop()
    assert digests(heard) == [DIGEST]
    assert computed == [str(file)]


def test_a_file_that_was_written_again_gets_another_digest(
    kernel, service, volt, file, answer, computed
):
    service.create("a", str(file))
    wait_until(lambda: len(digests(volt)) == 2)
    service.destroy("a")
    os.utime(file, ns=(1, 1))
    service.create("a", str(file))
    wait_until(lambda: len(digests(volt)) == 4)
    assert digests(volt) == [None, DIGEST] * 2
    assert computed == [str(file)] * 2


def test_an_agent_that_was_started_again_tells_volt_what_is_served(
    kernel, service, start, file
):
    service.create("a", str(file))
    heard = FakeVolt()
    fresh = start(heard)
    fresh.republish()
    fresh.republish()
    assert heard.verbs() == ["publish"]


def test_a_digest_that_volt_could_not_be_told_is_told_later(
    kernel, service, volt, file, answer
):
    volt.go_away()
    service.create("a", str(file))
    wait_until(lambda: DIGEST in digests(volt))
    volt.error = None
    service.republish()
    service.republish()
    assert digests(volt)[-1] == DIGEST
    assert len(digests(volt)) == 3


def test_a_target_that_is_gone_is_not_told_of_when_its_digest_is_known(
    kernel, service, volt, file, monkeypatch
):
    begun, go_on = threading.Event(), threading.Event()

    def slow(file, unwanted):
        begun.set()
        assert go_on.wait(10)
        return DIGEST

    monkeypatch.setattr(digest, "sha256", slow)
    service.create("a", str(file))
    assert begun.wait(10)
    service.destroy("a")
    go_on.set()
    service.stop()
    assert volt.verbs() == ["publish", "withdraw"]
    assert not list(service._settings.state_dir.glob("digests/*"))
