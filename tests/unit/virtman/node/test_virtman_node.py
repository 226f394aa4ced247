# SPDX-License-Identifier: Apache-2.0
"""What a node does as a whole, over a host in memory."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import logging
import threading

import pytest
from fake_node import (
    FACTS,
    PEER,
    SECTORS,
    SERIAL,
    Site,
    assignment,
    source_of,
)
from fake_portals import PATIENCE

from virtman.coordinator.protocol import Alone, VoltAway
from virtman.exception import (
    AlreadyExists,
    CommandError,
    InUse,
    InvalidRequest,
    NoSource,
    NoSpace,
    NotFound,
    VirtmanError,
    WrongIdentity,
)
from virtman.image.layers import multipath
from virtman.instance.request import DiskRequest
from virtman.instance.snapshot import Snapshots
from virtman.model import ImageFacts

IQN = "iqn.2010-10.org.openstack:volume-a"
NODE2 = "iqn.2026-01.lab:node2"
STACK = ["cached_volume-a", "multipath_volume-a", "origin_volume-a"]


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


def peers(site):
    """Return the places that the next beat tells of."""
    return [report.peer for report in site.node.reports()]


def disks(site):
    """Return the disks under the multipath device, best first."""
    table = site.kernel.dm.devices["multipath_volume-a"].table
    return multipath.devices_of(table)


def test_the_first_create_builds_the_whole_stack(site):
    made = site.create()
    assert made.created
    assert made.instance.path == "/dev/mapper/snapshot_vm1"
    assert set(site.kernel.dm.devices) == {*STACK, "snapshot_vm1"}
    served = site.kernel.tgt.served(IQN)
    assert served.device == "/dev/mapper/cached_volume-a"
    assert (served.serial, served.readonly) == (SERIAL, "Yes")
    assert "queue_if_no_path" in (
        site.kernel.dm.devices["multipath_volume-a"].table
    )
    assert site.portals.done("login") == ["server"]


def test_volt_gives_a_place_before_and_hears_of_the_target_after(site):
    site.create()
    (asked, peer), (said, registered) = site.volt.heard
    assert (asked, said) == ("assign", "register")
    assert (peer.image, peer.host, peer.port) == (
        "volume-a", "127.0.0.1", 3260,
    )  # fmt: skip
    assert (peer.peer_id, registered.peer_id) == (None, PEER)
    assert peers(site) == [registered]


def test_a_node_is_registered_with_the_unit_that_it_exports(site):
    connection = source_of("server")
    other = type(connection)("server", 3260, connection.iqn, 0)
    site.node.create(DiskRequest("vm1", "a", (other,)))
    assert {peer.lun for _, peer in site.volt.heard} == {1}


def test_a_second_create_touches_neither_volt_nor_the_network(site):
    site.create()
    heard, log = list(site.volt.heard), list(site.portals.log)
    before = len(site.kernel.called("dmsetup", "create"))
    assert site.create("vm2").created
    assert site.volt.heard == heard
    assert site.portals.log == log
    assert len(site.kernel.called("dmsetup", "create")) == before + 1


def test_a_create_of_what_exists_changes_nothing(site):
    site.create()
    held, calls = site.held(), len(site.kernel.calls)
    again = site.create()
    assert not again.created
    assert again.instance.path == "/dev/mapper/snapshot_vm1"
    assert site.held() == held
    assert len(site.kernel.calls) == calls


def test_creates_at_once_deploy_the_image_once(site):
    together = threading.Barrier(4)

    def create(number):
        together.wait(PATIENCE)
        return site.create(f"vm{number}").created

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(create, range(4)))
    assert site.volt.verbs() == ["assign", "register"]
    assert site.portals.done("login") == ["server"]
    assert len(site.node.instances()) == 4


def test_creates_of_one_name_at_once_make_it_once(site):
    together = threading.Barrier(4)

    def create(_):
        together.wait(PATIENCE)
        return site.create("vm1").created

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(create, range(4))) == 1


def test_the_parent_is_read_first_and_the_image_server_is_behind_it(site):
    site.volt.answers = [assignment("parent")]
    site.portals.serving.add("parent")
    site.create()
    site.portals.wait("login", "server")
    (image,) = site.node.images()
    image.close()
    assert image.report().portals == ("parent:3260", "server:3260")
    assert disks(site) == ["8:0", "8:1"]


@pytest.mark.parametrize("away", ["away", "a stranger"])
def test_without_volt_the_image_server_is_read_and_it_is_said(
    site, caplog, away
):
    site.volt.go_away()
    if away == "a stranger":
        site.volt.error = NotFound("volt at http://master:7447: 404")
    assert site.create().created
    assert "http://master:7447" in caplog.text
    assert "is read from server:3260" in caplog.text
    assert disks(site) == ["8:0"]


def test_a_tree_that_is_full_is_asked_again_and_then_done_without(
    site, caplog
):
    site.start(place_timeout=0.05)
    site.volt.answers = [assignment(peer=None)]
    assert site.create().created
    assert site.volt.verbs().count("assign") > 1
    assert "no place in the tree of volume-a" in caplog.text


def test_a_place_that_becomes_free_is_taken(site):
    site.start(place_timeout=PATIENCE)
    site.volt.answers = [assignment(peer=None), assignment(peer=None),
                         assignment()]  # fmt: skip
    site.create()
    assert site.volt.verbs() == ["assign"] * 3 + ["register"]
    assert peers(site)[0].peer_id == PEER


def test_a_node_without_a_master_works_alone(site):
    site.volt = Alone()
    site.start()
    assert site.create().created
    assert disks(site) == ["8:0"]


def test_an_image_of_this_very_host_is_neither_asked_for_nor_exported_again(
    site,
):
    site.portals.serving.add("127.0.0.1")
    site.create(hosts=("server", "127.0.0.1"))
    assert site.volt.heard == []
    assert site.portals.done("login") == ["127.0.0.1"]
    assert site.kernel.tgt.targets == {}
    assert peers(site) == []


def test_the_target_stands_before_any_source_answers(site):
    site.portals.serving.clear()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        create = pool.submit(site.create)
        site.portals.wait("ask", "server", times=2)
        wait_until(lambda: site.kernel.tgt.targets)
        assert not create.done()
        site.portals.serving.add("server")
        assert create.result(PATIENCE).created
    assert site.kernel.tgt.served(IQN).serial == SERIAL


def wait_until(condition):
    ready = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        ready.wait(0.001)
    raise AssertionError("it never came true")


@pytest.mark.parametrize("image", [FACTS, None], ids=["known", "unknown"])
def test_sources_that_never_answer_leave_nothing_and_are_named(site, image):
    site.start(source_timeout=0.02)
    site.volt.answers = [assignment("parent", image=image)]
    site.portals.serving.clear()
    with pytest.raises(NoSource) as failed:
        site.create()
    assert "parent:3260: does not serve the target" in str(failed.value)
    assert "server:3260: " in str(failed.value)
    assert site.held() == []
    assert site.volt.verbs()[-1] == "leave"
    assert peers(site) == []


def test_an_image_that_failed_once_can_be_created_later(site):
    site.start(source_timeout=0.02)
    site.portals.serving.clear()
    with pytest.raises(NoSource):
        site.create()
    site.portals.serving.add("server")
    site.start(source_timeout=PATIENCE)
    assert site.create().created


def test_other_content_under_the_same_name_is_never_read(site):
    site.start(source_timeout=0.02)
    site.portals.contents["server"] = (SECTORS, "VMTOTHER")
    with pytest.raises(NoSource, match=f"'VMTOTHER'.*'{SERIAL}'"):
        site.create()
    assert site.held() == []


def test_content_of_another_size_is_never_read(site):
    site.start(source_timeout=0.02)
    site.portals.contents["server"] = (SECTORS + 8, SERIAL)
    with pytest.raises(NoSource, match=r"4104 sectors.*4096"):
        site.create()
    assert site.held() == []


def test_without_volts_word_the_first_disk_says_what_the_image_is(site):
    site.volt.answers = [assignment(image=None)]
    site.portals.serving.add("second")
    site.portals.contents["second"] = (SECTORS, "VMTOTHER")
    site.create(hosts=("server", "second"))
    site.portals.wait("logout", "second")
    assert site.kernel.tgt.served(IQN).serial == SERIAL
    assert disks(site) == ["8:0"]


def test_no_room_is_known_before_anything_is_built(site):
    site.engine.full = True
    with pytest.raises(NoSpace):
        site.create()
    assert site.held() == []
    assert site.portals.log == []
    assert site.kernel.calls == []
    assert site.volt.verbs() == ["assign", "leave"]


@pytest.fixture
def two_fit(site, monkeypatch):
    """A cache that has room for two images."""

    def require(image, sectors):
        others = {
            name
            for name in site.kernel.dm.devices
            if name.startswith("cached_") and name != f"cached_{image}"
        }
        if len(others) >= 2:
            raise NoSpace(f"no room beside {sorted(others)}")

    monkeypatch.setattr(site.engine, "require_space", require)


def cached(site):
    names = site.kernel.dm.devices
    return [name for name in names if name.startswith("cached_")]


@pytest.mark.parametrize("first", ["a", "b"])
def test_the_image_that_was_idle_longest_goes_to_make_room(
    site, two_fit, first
):
    other = {"a": "b", "b": "a"}[first]
    for image in ("a", "b"):
        site.create(f"vm-{image}", image)
    for image in (first, other):
        site.node.destroy(f"vm-{image}")
    site.create("vm-c", "c")
    assert cached(site) == [f"cached_volume-{other}", "cached_volume-c"]


def test_an_image_with_an_instance_never_goes_to_make_room(site, two_fit):
    for image in ("a", "b"):
        site.create(f"vm-{image}", image)
    with pytest.raises(NoSpace):
        site.create("vm-c", "c")
    assert cached(site) == ["cached_volume-a", "cached_volume-b"]
    site.node.destroy("vm-b")
    site.create("vm-c", "c")
    assert cached(site) == ["cached_volume-a", "cached_volume-c"]


def test_an_idle_image_that_does_not_go_makes_no_room(site, two_fit, caplog):
    for image in ("a", "b"):
        site.create(f"vm-{image}", image)
        site.node.destroy(f"vm-{image}")
    site.kernel.refuse("dmsetup", "remove", "origin_volume-a")
    site.create("vm-c", "c")
    assert "cached_volume-b" not in cached(site)
    assert "volume-a is not removed" in caplog.text
    site.kernel.relent()


def test_no_room_is_known_before_a_device_is_built_when_nobody_told_the_size(
    site,
):
    site.volt.answers = [assignment(image=None)]
    site.engine.full = True
    with pytest.raises(NoSpace):
        site.create()
    assert site.held() == []
    assert site.kernel.called("dmsetup") == []


def test_any_step_that_fails_leaves_nothing(site):
    for step in range(100):
        site.kernel.refuse_nth(step)
        try:
            site.create()
        except VirtmanError:
            site.kernel.relent()
        else:
            if site.kernel.spared:
                return
            site.kernel.relent()
            site.node.destroy("vm1")
            site.node.collect()
        assert site.held() == [], f"step {step}"
        assert peers(site) == []
    raise AssertionError("the create never succeeded")


def test_a_fault_of_ours_leaves_nothing_either(site, monkeypatch):
    def stumble(*_):
        raise KeyError("a fault")

    monkeypatch.setattr(site.engine, "activate", stumble)
    with pytest.raises(KeyError):
        site.create()
    assert site.held() == []
    assert site.threads() == []


@pytest.mark.parametrize("bad", ["a b", "a/b", "", "v" * 101, None])
def test_a_bad_name_changes_nothing(site, bad):
    with pytest.raises(InvalidRequest, match="instance name"):
        site.create(bad)
    with pytest.raises(InvalidRequest, match="instance name"):
        site.node.destroy(bad)
    with pytest.raises(InvalidRequest, match="image name"):
        site.node.create(DiskRequest("vm1", bad, (source_of("server"),)))
    assert (site.held(), site.volt.heard) == ([], [])


def test_a_device_in_use_is_refused_before_anything_is_built(site):
    disk = f"/dev/{site.kernel.sys.add('nbd', 1 << 20)}"
    site.kernel.held[disk] = "Device or resource busy"
    with pytest.raises(InUse, match=disk):
        site.create(device=disk)
    assert (site.held(), site.volt.heard) == ([], [])


def test_a_destroyed_instance_leaves_the_image_for_the_next(site):
    site.create()
    assert site.node.destroy("vm1")
    assert site.node.instances() == []
    assert set(site.kernel.dm.devices) == set(STACK)
    assert not site.node.destroy("vm1")


def test_an_image_with_an_instance_stays_as_it_is(site):
    site.create()
    held, heard = site.held(), site.volt.verbs()
    site.node.collect()
    assert site.held() == held
    assert site.volt.verbs() == heard


def test_an_image_without_instances_goes_at_the_next_beat(site):
    site.create()
    site.node.destroy("vm1")
    site.node.collect()
    assert site.held() == []
    assert site.volt.verbs()[-1] == "leave"
    assert peers(site) == []
    assert site.create().created


def test_what_a_new_tgtd_does_not_know_is_exported_again(site):
    site.create()
    site.create("vm2", "b")
    before = site.held()
    site.kernel.tgt.targets.clear()
    site.node.serve_again()
    assert site.held() == before
    assert site.kernel.tgt.served(IQN).acl == ["ALL"]
    heard = site.volt.verbs()
    site.node.serve_again()
    assert site.volt.verbs() == heard, "nothing is done twice"


def test_an_image_on_its_way_out_is_not_exported_again(site):
    site.create()
    site.node.destroy("vm1")
    site.kernel.tgt.served(IQN).initiators.append(NODE2)
    site.node.collect()
    site.kernel.tgt.targets.clear()
    site.node.serve_again()
    assert site.kernel.tgt.targets == {}


def test_an_image_that_a_child_reads_stays_until_the_child_has_left(
    site, caplog
):
    caplog.set_level(logging.INFO)
    site.create()
    site.node.destroy("vm1")
    readers = site.kernel.tgt.served(IQN).initiators
    readers.append(NODE2)
    site.node.collect()
    assert set(site.kernel.dm.devices) == set(STACK)
    assert site.volt.verbs()[-1] == "leave", "children must be sent elsewhere"
    assert NODE2 in caplog.text
    readers.clear()
    site.node.collect()
    assert site.held() == []


def test_an_image_on_its_way_out_is_registered_again_when_it_is_needed(site):
    site.create()
    site.node.destroy("vm1")
    site.kernel.tgt.served(IQN).initiators.append(NODE2)
    site.node.collect()
    assert peers(site) == []
    site.create("vm2")
    assert site.volt.verbs()[-1] == "register"
    assert [peer.peer_id for peer in peers(site)] == [PEER]


def test_parents_that_volt_names_are_read_from_the_next_beat_on(site):
    site.create()
    site.portals.serving.add("uncle")
    site.node.reassign({PEER: assignment("uncle")})
    site.portals.wait("login", "uncle")
    (image,) = site.node.images()
    wait_until(lambda: image.report().portals == ("uncle:3260", "server:3260"))


def test_the_same_parents_again_reload_nothing(site):
    site.create()
    loads = len(site.kernel.called("load"))
    for _ in range(3):
        site.node.reassign({PEER: assignment()})
    site.node.close()
    assert len(site.kernel.called("load")) == loads


def test_an_answer_for_another_peer_is_not_ours(site):
    site.create()
    site.portals.serving.add("uncle")
    site.node.reassign({"other:volume-a": assignment("uncle")})
    site.node.close()
    assert "uncle" not in site.portals.done("ask")


def fail(site, host):
    """Let a host's session be lost, and the watch see it."""
    site.portals.serving.discard(host)
    site.portals.down.add(host)
    site.node.look(())


def test_a_parent_that_fails_is_told_to_volt_and_replaced(site):
    site.volt.answers = [assignment("parent")]
    site.portals.serving |= {"parent", "uncle"}
    site.create()
    site.portals.wait("login", "server")
    assert site.node.reports()[0].failed == ()
    fail(site, "parent")
    assert site.beat_schedule.wait(), "news make a beat due at once"
    (report,) = site.node.reports()
    assert report.peer.peer_id == PEER
    assert report.failed == (source_of("parent"),)
    site.node.reassign({PEER: assignment("uncle")})
    site.portals.wait("logout", "parent")
    (image,) = site.node.images()
    wait_until(lambda: image.report().portals == ("uncle:3260", "server:3260"))
    assert disks(site) == ["8:2", "8:1"]


def test_new_parents_are_read_while_a_create_is_at_work(site, monkeypatch):
    site.create()
    site.portals.serving.add("uncle")
    begun, go_on = threading.Event(), threading.Event()
    create = Snapshots.create

    def slow(*given):
        begun.set()
        assert go_on.wait(PATIENCE)
        return create(*given)

    monkeypatch.setattr(Snapshots, "create", slow)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        second = pool.submit(site.create, "vm2")
        assert begun.wait(PATIENCE)
        site.node.reassign({PEER: assignment("uncle")})
        site.portals.wait("login", "uncle")
        go_on.set()
        assert second.result(PATIENCE).created


def test_images_in_trouble_do_not_keep_the_others_from_being_seen(
    site, monkeypatch, caplog
):
    site.create("vm1", "b")
    site.create("vm2", "a")
    first, _ = site.node.images()

    def refuse(_):
        raise CommandError(["dmsetup"], 1, "", "no")

    monkeypatch.setattr(first._base, "look", refuse)
    site.portals.down.add("server")
    site.node.look({"volume-a"})
    assert "volume-b: its paths could not be checked" in caplog.text
    assert [len(report.failed) for report in site.node.reports()] == [0, 1]


def test_who_asks_for_a_place_late_says_what_has_failed(site):
    site.volt.go_away()
    site.portals.serving.add("second")
    site.create(hosts=("server", "second"))
    site.volt.error = None
    fail(site, "server")
    site.node.reassign({})
    assert site.volt.failed[-1] == [source_of("server")]


def test_the_first_answer_of_volt_says_when_to_beat(site):
    told = dataclasses.replace(assignment(), beat_after=17.0)
    site.volt.answers = [told]
    site.create()
    assert site.beat_schedule.interval == 17.0


def test_names_that_were_used_are_not_kept(site):
    for number in range(20):
        site.create(f"vm{number}")
        site.node.destroy(f"vm{number}")
        site.node.destroy("never-there")
    assert len(site.node._names) == 0


def test_a_place_is_taken_when_volt_is_back(site):
    site.volt.go_away()
    site.create()
    assert peers(site)[0].peer_id is None
    site.volt.error = None
    site.node.reassign({})
    assert peers(site)[0].peer_id == PEER
    assert site.volt.verbs()[-2:] == ["assign", "register"]


def test_what_volt_knows_as_other_content_is_not_offered(site, caplog):
    site.volt.go_away()
    site.create()
    site.volt.error = None
    other = ImageFacts(SECTORS, "2", "VMTOTHER")
    site.volt.answers = [assignment(image=other)]
    site.node.reassign({})
    assert "volume-a is not served to others" in caplog.text
    assert site.volt.verbs()[-1] == "leave"
    assert peers(site)[0].peer_id is None


def test_one_image_in_trouble_does_not_keep_the_others_from_their_parents(
    site, monkeypatch
):
    site.create("vm1", "b")
    site.create("vm2", "a")
    first, second = site.node.images()

    def refuse():
        raise WrongIdentity("volume-b is not served to others")

    monkeypatch.setattr(first._base, "take_place", refuse)
    site.portals.serving.add("uncle")
    site.node.reassign({PEER: assignment("uncle")})
    site.portals.wait("login", "uncle")
    assert second.name == "volume-a"


def test_one_image_that_does_not_go_does_not_keep_the_others(site, caplog):
    for number, image in enumerate("ab"):
        site.create(f"vm{number}", image)
        site.node.destroy(f"vm{number}")
    site.kernel.refuse("dmsetup", "remove", "origin_volume-a")
    site.node.collect()
    assert "volume-a is not removed" in caplog.text
    assert set(site.kernel.dm.devices) == set(STACK)


def test_an_agent_that_ends_leaves_all_as_it_is(site):
    site.create()
    held = site.held()
    site.node.close()
    assert site.held() == held
    assert site.threads() == []


def test_an_agent_that_was_started_again_knows_its_instances(site):
    site.create()
    site.node.close()
    site.start()
    assert [item.name for item in site.node.instances()] == ["vm1"]
    assert not site.create("vm1").created
    assert site.node.destroy("vm1")
    assert site.node.instances() == []


def test_an_agent_that_was_started_again_adopts_the_stack(site):
    site.create()
    site.node.close()
    site.start()
    before = len(site.kernel.called("dmsetup", "create"))
    assert site.create("vm2").created
    assert len(site.kernel.called("dmsetup", "create")) == before + 1
    for name in ("vm1", "vm2"):
        site.node.destroy(name)
    site.node.collect()
    assert site.held() == []


# Without its disk, with its data.


def test_a_deactivated_instance_has_its_data_and_no_disk(site):
    site.create()
    assert site.node.deactivate("vm1")
    assert "snapshot_vm1" not in site.kernel.dm.devices
    assert site.kernel.loops() == {}
    assert (site.settings.snapshot_dir / "vm1.cow").exists()
    assert site.node.instances() == []
    assert [i.name for i in site.node.inactive()] == ["vm1"]


def test_it_comes_back_with_what_was_written(site):
    site.create()
    table = site.kernel.dm.devices["snapshot_vm1"].table
    wiped = list(site.kernel.wiped)
    site.node.deactivate("vm1")
    again = site.create()
    assert (again.created, again.instance.name) == (True, "vm1")
    assert site.kernel.wiped == wiped
    assert site.kernel.dm.devices["snapshot_vm1"].table == table
    assert site.node.inactive() == []


def test_it_comes_back_when_its_image_had_gone_meanwhile(site):
    site.create()
    site.node.deactivate("vm1")
    site.node.collect()
    assert STACK[0] not in site.kernel.dm.devices
    assert site.create().created
    assert set(site.kernel.dm.devices) == {*STACK, "snapshot_vm1"}


def test_to_deactivate_twice_or_what_is_not_there_changes_nothing(site):
    assert not site.node.deactivate("vm1")
    site.create()
    assert site.node.deactivate("vm1")
    held = site.held()
    assert not site.node.deactivate("vm1")
    assert site.held() == held


def test_a_running_vm_is_not_deactivated(site):
    site.create()
    site.kernel.dm.opened.add("snapshot_vm1")
    with pytest.raises(InUse):
        site.node.deactivate("vm1")
    assert site.node.inactive() == []
    assert [i.name for i in site.node.instances()] == ["vm1"]


def test_a_boot_of_the_host_does_not_wake_what_was_deactivated(site):
    site.create()
    site.create("vm2")
    site.node.deactivate("vm1")
    site.power_cut()
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm2"]
    assert [i.name for i in site.node.inactive()] == ["vm1"]


def test_a_deactivated_instance_can_be_destroyed(site):
    site.create()
    site.node.deactivate("vm1")
    assert site.node.destroy("vm1")
    site.node.collect()
    assert site.held() == []


def test_a_name_is_not_taken_for_that_of_another_images_instance(site):
    site.create()
    for _ in range(2):
        with pytest.raises(AlreadyExists, match="is one of volume-a, not of"):
            site.create(image="b")
        site.node.deactivate("vm1")


def test_what_cannot_be_activated_stays_as_it_was(site):
    site.create()
    site.node.deactivate("vm1")
    (site.settings.snapshot_dir / "vm1.cow").unlink()
    with pytest.raises(NotFound):
        site.create()
    assert [i.name for i in site.node.inactive()] == ["vm1"]


# Image servers that nobody has named.


def test_where_nobody_names_an_image_server_volt_is_asked(site):
    site.volt.known["volume-a"] = (source_of("server"),)
    assert site.create(hosts=()).created
    assert site.portals.done("login") == ["server"]
    assert not site.create(hosts=()).created
    assert site.volt.verbs().count("servers") == 1


def test_an_image_that_volt_does_not_know_is_told_from_no_volt(site):
    with pytest.raises(InvalidRequest, match="volt knows none; export"):
        site.create(hosts=())
    site.volt.go_away()
    with pytest.raises(VoltAway):
        site.create(hosts=())
    assert site.held() == []


def test_what_is_activated_without_servers_named_has_those_from_before(site):
    site.create()
    site.node.deactivate("vm1")
    site.volt.go_away()
    assert site.create(hosts=()).created
