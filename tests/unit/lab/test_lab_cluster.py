# SPDX-License-Identifier: Apache-2.0
"""Up, down and everything between, with machines that only pretend."""

import contextlib
import fcntl

import pytest

from lab import accelerator, cluster, initramfs, processes, tools
from lab.cluster import Cluster
from lab.errors import LabError, NodeDown, WrongState
from lab.spec import NodeSpec


class World:
    """What there would be on the host: namespaces and processes by name."""

    def __init__(self):
        self.namespaces, self.running, self.starts = set(), set(), []
        self.on_start = lambda machine: machine.ready.touch()

    def kill(self, mark):
        self.running.discard(mark)

    def marks(self, beginning):
        return {mark for mark in self.running if mark.startswith(beginning)}


class PretendedNetwork(cluster.Network):
    world: World

    def exists(self):
        return self.namespace in self.world.namespaces

    def create(self, address):
        self.world.namespaces.add(self.namespace)

    def delete(self):
        self.world.namespaces.discard(self.namespace)

    def links(self):
        return {}


class PretendedMachine(cluster.Machine):
    world: World

    def pid(self):
        return 1 if self.mark in self.world.running else None

    def prepare(self):
        self.folder.mkdir(parents=True)
        self.disk.touch()

    def start(self, boot):
        self.ready.unlink(missing_ok=True)
        self.world.starts.append(self.spec.name)
        self.world.running.add(self.mark)
        self.world.on_start(self)

    def kill(self):
        self.world.kill(self.mark)


@pytest.fixture
def world(monkeypatch):
    made = World()
    for name, kind in (
        ("Network", PretendedNetwork),
        ("Machine", PretendedMachine),
    ):
        monkeypatch.setattr(kind, "world", made, raising=False)
        monkeypatch.setattr(cluster, name, kind)
    monkeypatch.setattr(tools, "check", lambda: None)
    monkeypatch.setattr(initramfs, "build", lambda cache, _: (cache, cache))
    monkeypatch.setattr(accelerator, "choose", lambda *_: ())
    monkeypatch.setattr(processes, "kill", made.kill)
    monkeypatch.setattr(processes, "marks", made.marks)
    return made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "lab" / "x"


def nothing_left(world, made):
    return not (world.namespaces or world.running or made.leftovers())


def test_up_boots_all_and_down_leaves_nothing(world, folder):
    said = []
    made = Cluster(folder, ["a", "b"], say=said.append)
    with made:
        assert world.starts == ["a", "b"]
        assert any("node a, 10.77.0.1" in line for line in said)
        assert any("node b, 10.77.0.2" in line for line in said)
    assert nothing_left(world, made)
    assert list(folder.glob("*/disk.raw")) == []


def test_another_process_finds_the_same_cluster(world, folder):
    Cluster(folder, [NodeSpec("a", memory=512)]).up()
    found = Cluster(folder)
    assert found.node("a").machine.spec.memory == 512
    assert found.is_up()
    found.down()
    assert nothing_left(world, found)


def test_up_twice_starts_only_what_has_no_power(world, folder):
    made = Cluster(folder, ["a", "b"])
    made.up()
    made.node("b").power_off_hard()
    disk = made.node("b").machine.disk
    disk.write_text("kept")
    made.up()
    assert world.starts == ["a", "b", "b"]
    assert disk.read_text() == "kept"


def test_other_nodes_in_the_same_place_are_refused(world, folder):
    Cluster(folder, ["a"]).up()
    with pytest.raises(WrongState, match="down first"):
        Cluster(folder, ["a", "b"]).up()
    with pytest.raises(WrongState):
        Cluster(folder, [NodeSpec("a", memory=2048)]).up()
    assert world.starts == ["a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, LabError, SystemExit])
def test_whatever_stops_the_boot_takes_all_down(world, folder, error):
    def stop(machine):
        if machine.spec.name == "b":
            raise error

    world.on_start = stop
    made = Cluster(folder, ["a", "b", "c"])
    with pytest.raises(error):
        made.up()
    assert nothing_left(world, made)


def test_a_stop_of_a_second_up_leaves_the_cluster_up(world, folder):
    made = Cluster(folder, ["a", "b"])
    made.up()
    made.node("b").power_off_hard()

    def stop(machine):
        raise KeyboardInterrupt

    world.on_start = stop
    with pytest.raises(KeyboardInterrupt):
        made.up()
    assert made.is_up() and made.node("a").running()


def test_a_node_that_dies_in_its_boot_tells_its_last_words(world, folder):
    def die(machine):
        machine.console.write_text("panic: no root\n")
        world.kill(machine.mark)

    world.on_start = die
    with pytest.raises(NodeDown, match="panic: no root"):
        Cluster(folder, ["a"]).up()
    assert world.namespaces == world.running == set()


def test_a_silent_node_is_named_in_the_end(world, folder):
    world.on_start = lambda machine: None
    with pytest.raises(NodeDown, match="not up in 0"):
        Cluster(folder, ["a"]).up(timeout=0.05)


def test_down_clears_what_a_killed_up_left(world, folder):
    made = Cluster(folder)
    world.namespaces.add(made.name)
    world.running.update({f"guest={made.name}.a", f"guest={made.name}x.a"})
    kinds = [(t["kind"], t["where"]) for t in made.leftovers()]
    assert kinds == [("process", "host"), ("namespace", "host")]
    made.down()
    assert world.running == {f"guest={made.name}x.a"}, "another cluster's"
    assert not world.namespaces


def test_the_same_folder_name_elsewhere_is_another_cluster(tmp_path):
    assert Cluster(tmp_path / "1/x").name != Cluster(tmp_path / "2/x").name


def test_a_node_that_is_not_there_is_named_with_those_that_are(world, folder):
    with pytest.raises(LabError, match=r"'c'.*a, b"):
        Cluster(folder, ["a", "b"]).node("c")
    with pytest.raises(LabError, match="down"):
        Cluster(folder).node("c")
    with pytest.raises(LabError, match="no nodes are given"):
        Cluster(folder).up()


def test_only_one_at_a_time_takes_it_up_or_down(world, folder):
    made = Cluster(folder, ["a"])
    folder.mkdir(parents=True)
    with contextlib.closing((folder / "lock").open("w")) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for call in (made.up, made.down):
            with pytest.raises(WrongState, match="another"):
                call()
    made.down()


def test_status_has_a_row_for_each_node(world, folder):
    made = Cluster(folder, ["a", "b"])
    made.up()
    made.node("b").power_off_hard()
    rows = [(r["name"], r["address"], r["power"]) for r in made.status()]
    assert rows == [("a", "10.77.0.1", "on"), ("b", "10.77.0.2", "off")]
