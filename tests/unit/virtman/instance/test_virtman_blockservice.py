# SPDX-License-Identifier: Apache-2.0
"""Copy-on-write stores: never too small, never somebody else's."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from virtman.exception import CommandError, InUse, InvalidRequest
from virtman.instance import cow_file
from virtman.instance.blockservice import BlockService, CowDevice
from virtman.instance.cow_file import store_sectors

chunks = st.sampled_from([8, 16, 32, 64, 128, 256, 512, 1024, 2048])
ORIGIN = 4096
CHUNK = 128


class PersistentStore:
    """A dm-snapshot store that is filled, after dm-snap-persistent.c.

    ``furthest`` is the first sector behind all that was touched.
    """

    def __init__(self, chunk):
        self.chunk = chunk
        self.per_area = chunk * 512 // 16
        self.next_free = 2
        self.committed = 0
        self.area = 0
        self.furthest = 2 * chunk

    def touch(self, chunk):
        self.furthest = max(self.furthest, (chunk + 1) * self.chunk)

    def write(self):
        """One chunk of the origin is written to for the first time."""
        # prepare_exception wants room for the chunk it hands out.
        self.touch(self.next_free)
        stride = self.per_area + 1
        self.next_free += 1
        if self.next_free % stride == 1:
            self.next_free += 1
        # commit_exception clears the next area once this one is full.
        self.committed += 1
        if self.committed == self.per_area:
            self.area += 1
            self.committed = 0
            self.touch(1 + stride * self.area)


@given(chunks, st.integers(0, 1500), st.integers(-300, 300))
@example(8, 256, 0)
@example(8, 257, 0)
@example(8, 255, 0)
@example(8, 512, 0)
def test_a_store_that_takes_every_chunk_of_the_origin_never_overflows(
    chunk, whole, rest
):
    origin = max(1, whole * chunk + rest)
    store = PersistentStore(chunk)
    for _ in range(-(-origin // chunk)):
        store.write()
    assert store.furthest <= store_sectors(origin, chunk)


@given(chunks, st.integers(1, 1 << 40))
def test_a_store_is_hardly_larger_than_its_origin(chunk, origin):
    size = store_sectors(origin, chunk)
    assert size % chunk == 0
    per_area = chunk * 32
    assert size <= origin * (1 + 1 / per_area) + 4 * chunk + 1


@pytest.fixture
def options(settings, tmp_path):
    return settings(snapshot_dir=tmp_path / "cow", snapshot_min_mib=1)


@pytest.fixture
def stores(kernel, options):
    return BlockService(options)


def test_the_default_is_a_sparse_file_of_the_instances_own(
    stores, kernel, tmp_path
):
    store = stores.open("vm1", ORIGIN, None)
    file = tmp_path / "cow" / "vm1.cow"
    assert store == CowDevice("/dev/loop0", file, own=True)
    assert kernel.loops() == {"/dev/loop0": str(file)}
    assert file.stat().st_size == store_sectors(ORIGIN, CHUNK) * 512
    assert file.stat().st_blocks == 0
    assert file.stat().st_mode & 0o777 == 0o600
    stores.purge(store)
    assert not file.exists()
    assert kernel.loops() == {}


def test_a_store_that_is_attached_already_is_refused(stores, kernel):
    stores.open("vm1", ORIGIN, None)
    with pytest.raises(InUse, match=r"vm1\.cow is attached to /dev/loop0"):
        stores.open("vm1", ORIGIN, None)


def test_the_writes_of_an_instance_that_was_never_destroyed_are_kept(
    stores, kernel, tmp_path
):
    folder = tmp_path / "cow"
    folder.mkdir()
    file = folder / "vm1.cow"
    file.write_bytes(b"SnAp and what the guest wrote")
    with pytest.raises(InUse, match=r"vm1\.cow holds the writes of an ear"):
        stores.open("vm1", ORIGIN, None)
    assert file.read_bytes() == b"SnAp and what the guest wrote"
    assert kernel.loops() == {}


def test_a_loop_device_that_cannot_be_had_leaves_no_file(
    stores, kernel, tmp_path
):
    kernel.refuse("losetup", "--find")
    with pytest.raises(CommandError):
        stores.open("vm1", ORIGIN, None)
    assert list((tmp_path / "cow").iterdir()) == []


@pytest.mark.parametrize("name", ["snap0.blk", "snapshot0.blk"])
def test_a_pre_made_file_is_picked_up_and_kept(stores, kernel, tmp_path, name):
    folder = tmp_path / "cow"
    folder.mkdir()
    file = folder / name
    file.write_bytes(bytes(1 << 20))
    kernel.sys.add("loop", 0)
    store = stores.open("vm1", ORIGIN, "/dev/loop0")
    assert store == CowDevice("/dev/loop0", file, own=False)
    stores.purge(store)
    assert file.exists()
    assert kernel.loops() == {}


def test_a_free_loop_device_without_a_pre_made_file_gets_one(
    stores, kernel, tmp_path
):
    kernel.sys.add("loop", 0)
    stores.open("vm1", ORIGIN, "/dev/loop0")
    file = tmp_path / "cow" / "snap0.blk"
    assert kernel.loops() == {"/dev/loop0": str(file)}
    assert file.stat().st_size == store_sectors(ORIGIN, CHUNK) * 512


def test_a_block_device_of_the_callers_is_used_as_it_is(stores, kernel):
    name = kernel.sys.add("sd", 2048)
    stores.check("vm1", f"/dev/{name}")
    store = stores.open("vm1", ORIGIN, f"/dev/{name}")
    assert store == CowDevice(f"/dev/{name}")
    stores.purge(store)
    assert kernel.calls == []


@pytest.mark.parametrize("verb", ["check", "open"])
def test_a_device_that_cannot_be_used_is_refused_by_name(stores, kernel, verb):
    def use(device):
        if verb == "check":
            stores.check("vm1", device)
        else:
            stores.open("vm1", ORIGIN, device)

    small = f"/dev/{kernel.sys.add('sd', 2047)}"
    held = f"/dev/{kernel.sys.add('sd', 4096)}"
    kernel.held[held] = "Device or resource busy"
    with pytest.raises(InvalidRequest, match="/dev/none is not a block"):
        use("/dev/none")
    with pytest.raises(InvalidRequest, match=f"{small} is too small"):
        use(small)
    with pytest.raises(InUse, match=f"{held} is in use: Device or resource"):
        use(held)
    assert kernel.calls == []


@pytest.mark.parametrize(
    "device", ["", "/dev/loop", "/dev/loopx", "/dev/loop9"]
)
def test_a_loop_device_that_is_none_is_refused(stores, device):
    with pytest.raises(InvalidRequest):
        stores.open("vm1", ORIGIN, device)


def test_a_running_instances_store_is_recognised_by_its_device(
    stores, kernel, tmp_path
):
    own = stores.open("vm1", ORIGIN, None)
    assert stores.of_instance("vm1", own.device) == own
    kernel.sys.add("loop", 0)
    pre = stores.open("vm2", ORIGIN, "/dev/loop1")
    assert stores.of_instance("vm2", "/dev/loop1") == pre
    given = f"/dev/{kernel.sys.add('sd', 4096)}"
    assert stores.of_instance("vm3", given) == CowDevice(given)


def test_a_loop_device_of_the_callers_own_is_not_detached(
    stores, kernel, tmp_path
):
    file = tmp_path / "elsewhere"
    file.write_bytes(bytes(1 << 20))
    kernel.run(["losetup", kernel.free_loop(), str(file)])
    store = stores.of_instance("vm1", "/dev/loop0")
    stores.purge(store)
    assert kernel.loops() == {"/dev/loop0": str(file)}


def test_a_folder_behind_a_symbolic_link_is_the_same_folder(
    settings, kernel, tmp_path
):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    stores = BlockService(settings(snapshot_dir=tmp_path / "link"))
    store = stores.open("vm1", ORIGIN, None)
    stores.purge(stores.of_instance("vm1", store.device))
    assert kernel.loops() == {}
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_larger_file_keeps_its_size(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(bytes(4096))
    cow_file.stretch(file, 512)
    assert file.stat().st_size == 4096


@pytest.mark.parametrize(
    "path",
    ["/dev/disk/by-label/a b", "/dev/x P 8\n0 8 linear /dev/sda 0", "-x",
     "dev/nbd0", "/dev/../dev/nbd0", "/dev//nbd0", "/tmp/disk", "/dev/", ""],
)  # fmt: skip
def test_a_device_whose_path_would_be_two_words_of_a_table_is_refused(
    stores, kernel, path
):
    kernel.sys.add("nbd", 1 << 20, path)
    for verb in (
        stores.check,
        lambda *asked: stores.open(*asked[:1], 8, path),
    ):
        with pytest.raises(InvalidRequest, match="is not a path under /dev"):
            verb("vm1", path)
    assert kernel.calls == []
