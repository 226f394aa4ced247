# SPDX-License-Identifier: Apache-2.0
"""What units of work see of one another, and what a lost connection means."""

import concurrent.futures
import threading

import pytest

from volt.exception import Unavailable
from volt.model import Address, Image
from volt.registry import engine, schema
from volt.registry.images import Images as StoredImages
from volt.registry.session import Registry
from volt.topology.images import Images

PATIENCE = 60
on_servers = pytest.mark.parametrize(
    "new_database", ["postgresql", "mariadb"], indirect=True
)
MINE = {
    "postgresql": "SELECT pg_backend_pid()",
    "mariadb": "SELECT connection_id()",
}
END = {
    "postgresql": "SELECT pg_terminate_backend({})",
    "mariadb": "KILL {}",
}


@pytest.fixture
def new_registry(database):
    """Make registries on one database, as several workers do."""
    made = []

    def make():
        made.append(engine.connect(database.url))
        return Registry(made[-1])

    schema.prepare(make()._engine)
    yield make
    for one in made:
        one.dispose()


@pytest.fixture
def registry(new_registry):
    return new_registry()


@pytest.fixture
def other(new_registry):
    return new_registry()


@pytest.fixture
def in_a_thread():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit


def create(unit):
    return unit.volumes.lock_or_create("v", 2)


def grow(unit):
    volume = unit.volumes.lock("v")
    unit.peers(volume)._grow(1)
    return volume.size + 1


def size(unit):
    return unit.volumes.get("v").size


def test_a_reader_sees_one_picture_whatever_others_write(registry, other):
    registry.write(create)

    def work(unit):
        before = size(unit)
        other.write(grow)
        return before, size(unit)

    assert registry.read(work) == (0, 0)
    assert registry.read(size) == 1


@on_servers
def test_so_does_a_beat(registry, other):
    registry.write(create)
    runs = []

    def work(unit):
        runs.append(size(unit))
        if len(runs) == 1:
            other.write(grow)
        unit.leases.take("beat", "me", 0.0, 1.0)
        return runs[-1], size(unit)

    assert registry.note(work) == (0, 0)


def test_a_writer_waits_for_the_lock_and_sees_what_was_done(
    registry, other, in_a_thread
):
    registry.write(create)
    waiting = []

    def work(unit):
        unit.volumes.lock("v")
        waiting.append(in_a_thread(other.write, grow))
        # It cannot be done before we are.
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting[0].result(0.5)
        return grow(unit)

    assert registry.write(work) == 1
    assert waiting[0].result(PATIENCE) == 2
    assert registry.read(size) == 2


def image(host):
    return Image("v", 8, "g", "s", None, (Address(host, "1", "i", "1"),))


def test_who_waited_for_an_image_sees_its_new_sources(
    registry, other, in_a_thread
):
    registry.write(lambda unit: unit.images.insert(image("old")))
    waiting = []

    def look(unit):
        return [one.host for one in unit.images.lock("v").sources]

    def work(unit):
        unit.images.lock("v")
        waiting.append(in_a_thread(other.write, look))
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting[0].result(0.5)
        unit.images.replace(image("new"))

    registry.write(work)
    assert waiting[0].result(PATIENCE) == ["new"]


@on_servers
def test_two_that_create_the_same_volume_get_the_same(registry, other):
    together = threading.Barrier(2)

    def work(unit):
        missing = unit.volumes.get("v") is None
        if missing:
            together.wait(PATIENCE)
        return missing, create(unit)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        doing = [pool.submit(one.write, work) for one in (registry, other)]
        done = [one.result(PATIENCE) for one in doing]
    assert len({volume.key for _, volume in done}) == 1
    assert any(missing for missing, _ in done)


@on_servers
def test_an_image_that_another_registers_meanwhile_keeps_its_source(
    registry, other, monkeypatch
):
    looked = []
    lock = StoredImages.lock

    def lock_and_be_late(stored, name):
        found = lock(stored, name)
        looked.append(found)
        if len(looked) == 1:
            Images(other).put(served_at("i1"))
        return found

    monkeypatch.setattr(StoredImages, "lock", lock_and_be_late)
    Images(registry).put(served_at("i2"))
    hosts = [one.host for one in Images(registry).get("v").sources]
    assert hosts == ["i1", "i2"]


def served_at(host):
    at = Address(host, "3260", "iqn.2010-10.org.openstack:v", "1")
    return Image("v", 8, "g", "s", None, (at,))


@pytest.fixture
def cut(database, request):
    """Have the server end the connection of a unit of work."""

    def do(unit):
        connection = unit._connection
        mine = connection.exec_driver_sql(MINE[database.kind]).scalar_one()
        request.getfixturevalue(database.kind).run(
            END[database.kind].format(mine)
        )

    return do


@on_servers
def test_what_is_cut_off_in_the_middle_is_run_again_as_a_whole(registry, cut):
    registry.write(create)
    runs = []

    def work(unit):
        runs.append(grow(unit))
        if len(runs) == 1:
            cut(unit)
        return grow(unit)

    assert registry.write(work) == 2
    assert runs == [1, 1]
    assert registry.read(size) == 2


@on_servers
def test_what_is_cut_off_at_its_end_is_not_run_twice(registry, other, cut):
    registry.write(create)
    runs = []

    def work(unit):
        runs.append(grow(unit))
        cut(unit)

    with pytest.raises(Unavailable, match="made is not known"):
        registry.write(work)
    assert runs == [1]
    assert other.read(size) == 0


@on_servers
def test_what_is_cut_off_again_and_again_is_told(registry, cut):
    registry.write(create)

    def work(unit):
        cut(unit)
        size(unit)

    with pytest.raises(Unavailable, match="nothing was changed"):
        registry.read(work)
