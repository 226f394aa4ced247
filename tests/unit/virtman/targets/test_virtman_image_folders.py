# SPDX-License-Identifier: Apache-2.0
"""Image files come from the folders that were named, by no trick from others.

The whole way of a call is gone, from the service to what the kernel says of
the loop device.
"""

from __future__ import annotations

import pytest
from fake_volt import FakeVolt

from virtman.drivers import digest, loop
from virtman.exception import InUse, InvalidRequest
from virtman.state.intent import TargetIntent
from virtman.state.intents import Intents
from virtman.targets.imageservice import ImageService


@pytest.fixture(autouse=True)
def no_digest(monkeypatch):
    monkeypatch.setattr(digest, "sha256", lambda file, unwanted: None)


@pytest.fixture
def images(tmp_path):
    """The folder of images, with one in it; beside it a secret."""
    folder = tmp_path / "images"
    for file in (folder / "below" / "a.raw", tmp_path / "etc" / "secret"):
        file.parent.mkdir(parents=True)
        file.write_bytes(bytes(4096))
    return folder


@pytest.fixture
def secret(tmp_path):
    return tmp_path / "etc" / "secret"


@pytest.fixture
def start(kernel, settings, images):
    """Start a service as after a start of the agent."""
    made = []

    def begin(**options):
        read = settings(**({"image_dirs": images} | options))
        intents = Intents(read.state_dir / "intents")
        intents.load()
        made.append(ImageService(read, FakeVolt(), intents))
        return made[-1]

    yield begin
    for service in made:
        service.stop()


@pytest.fixture
def service(start):
    return start()


def refused(service, kernel, path):
    """Insist that a file is refused and nothing done; return the reason."""
    with pytest.raises(InvalidRequest) as said:
        service.create("a", str(path))
    assert kernel.left() == []
    assert f"file_path = {path} is in no folder" in str(said.value)
    assert "image_dirs" in str(said.value)
    return str(said.value).replace(str(path), "X")


def test_a_file_below_a_named_folder_is_served(service, kernel, images):
    service.create("a", str(images / "below" / "a.raw"))
    assert kernel.loops() == {"/dev/loop0": str(images / "below" / "a.raw")}


def test_a_file_elsewhere_is_refused_with_the_remedy(
    service, kernel, secret, images
):
    assert str(images) in refused(service, kernel, secret)


@pytest.mark.parametrize("path", ["../etc/secret", "below/../../etc/secret"])
def test_dots_lead_nowhere_else(service, kernel, images, path):
    refused(service, kernel, f"{images}/{path}")


def test_dots_that_stay_inside_are_no_trick(service, kernel, images):
    service.create("a", f"{images}/below/../below/a.raw")
    assert kernel.loops() == {"/dev/loop0": str(images / "below" / "a.raw")}


def test_a_link_to_a_file_elsewhere_is_refused(
    service, kernel, images, secret
):
    (images / "link").symlink_to(secret)
    refused(service, kernel, images / "link")


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(
    service, kernel, images, secret
):
    (images / "out").symlink_to(secret.parent)
    refused(service, kernel, images / "out" / "secret")


def test_a_folder_whose_name_only_begins_alike_is_another(
    service, kernel, images
):
    beside = images.with_name("images-of-others") / "a.raw"
    beside.parent.mkdir()
    beside.write_bytes(bytes(4096))
    refused(service, kernel, beside)


def test_nobody_is_told_what_there_is_elsewhere(
    service, kernel, secret, tmp_path
):
    there = refused(service, kernel, secret)
    assert refused(service, kernel, tmp_path / "etc" / "none") == there


@pytest.mark.parametrize("path", ["/a\0b", "/" + "x" * 300 + "/y"])
def test_a_path_that_no_file_can_have_is_refused(service, kernel, path):
    with pytest.raises(InvalidRequest, match="file_path"):
        service.create("a", path)
    assert kernel.left() == []


@pytest.mark.parametrize("path", ["one", "one/a.raw"])
def test_a_circle_of_links_is_refused(service, kernel, images, path):
    (images / "one").symlink_to(images / "two")
    (images / "two").symlink_to(images / "one")
    with pytest.raises(InvalidRequest, match=r"file_path.*cannot be used"):
        service.create("a", str(images / path))
    assert kernel.left() == []


def test_the_folder_itself_may_be_a_link(start, kernel, images, tmp_path):
    (tmp_path / "srv").symlink_to(images)
    service = start(image_dirs=tmp_path / "srv")
    service.create("a", str(tmp_path / "srv" / "below" / "a.raw"))
    assert kernel.loops() == {"/dev/loop0": str(images / "below" / "a.raw")}


@pytest.mark.parametrize(
    "folder", ["cache", "snapshots", "intents", "digests"]
)
def test_the_agents_own_files_are_no_images(start, kernel, tmp_path, folder):
    service = start(image_dirs=tmp_path, state_dir=tmp_path / "state")
    file = tmp_path / "state" / folder / "vm1.cow"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(4096))
    refused(service, kernel, file)


def test_a_folder_of_images_may_lie_in_the_caches(start, kernel, tmp_path):
    service = start(cache_dir=tmp_path)
    file = tmp_path / "images" / "below" / "a.raw"
    service.create("a", str(file))
    assert kernel.loops() == {"/dev/loop0": str(file)}


def test_without_a_folder_nothing_is_served(start, kernel, images):
    service = start(image_dirs="")
    reason = refused(service, kernel, images / "below" / "a.raw")
    assert "served from (none)" in reason


def test_a_folder_that_becomes_a_link_at_the_last_moment_is_seen(
    service, kernel, images, secret, monkeypatch
):
    attach, below = loop.attach, images / "below"
    (secret.parent / "a.raw").write_bytes(bytes(4096))

    def swap(file, **options):
        below.rename(images / "moved")
        below.symlink_to(secret.parent)
        return attach(file, **options)

    monkeypatch.setattr(loop, "attach", swap)
    with pytest.raises(InvalidRequest, match="in no folder"):
        service.create("a", str(below / "a.raw"))
    assert kernel.left() == []


def test_a_folder_that_is_named_no_more_is_not_served_from_after_a_boot(
    service, start, kernel, images, caplog
):
    service.create("a", str(images / "below" / "a.raw"))
    kernel.lose_power()
    again = start(image_dirs="/srv/images")
    again.recover()
    assert kernel.left() == []
    assert "image_dirs" in caplog.text
    assert again._targets._intents.get(TargetIntent, "volume-a") is not None
    again = start()
    again.recover()
    assert kernel.loops() == {"/dev/loop0": str(images / "below" / "a.raw")}


@pytest.mark.parametrize("name", ["a\nb.img", "a (deleted)", "\x1b[2J", ""])
def test_a_name_that_sysfs_would_not_show_as_it_is_is_refused(
    kernel, service, images, name
):
    path = f"{images}/{name}" if name else ""
    if name:
        (images / name).write_bytes(bytes(4096))
    with pytest.raises(InvalidRequest, match="is not the path of an image"):
        service.create("a", path)
    assert kernel.calls == []


@pytest.mark.parametrize("device", ["/dev//loop0", "/dev/./loop0", "-x", 7])
def test_a_loop_device_is_given_by_its_own_name_alone(
    kernel, service, images, device
):
    """By another one the target would not be found again."""
    kernel.free_loop()
    with pytest.raises(InUse, match="no free loop device"):
        service.create("a", str(images / "below" / "a.raw"), device)
    assert (kernel.loops(), kernel.tgt.targets) == ({}, {})
