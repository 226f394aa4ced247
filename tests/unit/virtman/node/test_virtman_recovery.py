# SPDX-License-Identifier: Apache-2.0
"""What a starting agent puts right of what it finds."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil

import pytest
from fake_node import FACTS, PEER, Site, assignment
from fake_portals import PATIENCE

from virtman import waiting
from virtman.drivers import dmsetup, orphaned_commands
from virtman.exception import InUse, NotFound
from virtman.names import Role
from virtman.node import recovery
from virtman.state.intent import InstanceIntent, InstanceState

IQN = "iqn.2010-10.org.openstack:volume-a"


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


def suspended(kernel):
    return [n for n, device in kernel.dm.devices.items() if device.suspended]


def make_all(kernel):
    """Make a device of each role, and a foreign one; suspend them all."""
    for role in Role:
        dmsetup.create(role, "volume-a", "0 8 zero")
    kernel.dm.foreign("vg-root", 8, "LVM-x")
    for name in kernel.dm.devices:
        kernel.run(["dmsetup", "suspend", name])


def test_what_was_left_suspended_is_resumed_and_said(kernel, caplog):
    make_all(kernel)
    found = recovery.resume_suspended()
    assert sorted(found) == [
        f"/dev/mapper/{role}_volume-a"
        for role in ("cached", "engine", "multipath", "origin", "snapshot")
    ]
    for path in found:
        assert f"{path} was suspended" in caplog.text


def test_a_groups_devices_and_those_of_others_are_left_as_they_are(kernel):
    make_all(kernel)
    recovery.resume_suspended()
    assert sorted(suspended(kernel)) == [
        "cache_volume-a", "ssd_volume-a", "vg-root", "volume-a",
    ]  # fmt: skip


def test_nothing_is_done_where_nothing_is_suspended(kernel):
    dmsetup.create(Role.ORIGIN, "volume-a", "0 8 zero")
    kernel.calls.clear()
    assert recovery.resume_suspended() == []
    assert kernel.calls == []


def test_one_that_cannot_be_resumed_does_not_keep_the_others(kernel, caplog):
    make_all(kernel)
    kernel.refuse("dmsetup", "resume", "cached_volume-a")
    recovery.resume_suspended()
    assert "cached_volume-a stays suspended" in caplog.text
    assert "cached_volume-a" in suspended(kernel)
    assert "origin_volume-a" not in suspended(kernel)


# What is wanted and what stands, put in line.


def test_an_agent_that_was_started_again_serves_and_cleans_up_at_once(site):
    site.create()
    before = len(site.kernel.called("dmsetup", "create"))
    site.recover()
    assert [r.peer.peer_id for r in site.node.reports()] == [PEER]
    assert len(site.kernel.called("dmsetup", "create")) == before
    assert site.portals.done("login") == ["server"], "no session is new"
    site.node.destroy("vm1")
    site.node.collect()
    assert site.held() == []


def test_reads_go_on_from_where_they_were_when_volt_is_away(site):
    site.portals.serving.add("parent")
    site.volt.answers = [assignment("parent")]
    site.create()
    site.portals.wait("login", "server")
    site.volt.go_away()
    site.recover()
    base = site.node.image("volume-a")._base
    base._sources.wait_applied(PATIENCE)
    base.close()
    assert base.portals == ["parent:3260", "server:3260"]
    assert site.portals.done("login") == ["parent", "server"]
    assert site.portals.done("logout") == []


def test_a_parent_that_changed_meanwhile_is_left(site):
    site.portals.serving |= {"parent", "uncle"}
    site.volt.answers = [assignment("parent")]
    site.create()
    site.portals.wait("login", "server")
    site.volt.answers = [assignment("uncle")]
    site.recover()
    site.portals.wait("logout", "parent")


def test_a_host_that_lost_its_power_comes_back_with_all_writes(site):
    site.create("vm1")
    site.create("vm2")
    wiped = list(site.kernel.wiped)
    site.power_cut()
    assert site.kernel.left() == []
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm1", "vm2"]
    assert site.kernel.wiped == wiped
    for name in ("vm1", "vm2"):
        (store,) = [
            device
            for device, file in site.kernel.loops().items()
            if file.endswith(f"{name}.cow")
        ]
        number = f"7:{store.removeprefix('/dev/loop')}"
        assert (
            f" {number} " in site.kernel.dm.devices[f"snapshot_{name}"].table
        )


def test_nobodys_answer_is_waited_for_after_a_power_cut(site):
    site.create()
    site.power_cut()
    site.volt.go_away()
    site.portals.serving.clear()
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm1"]
    site.portals.serving.add("server")
    site.node.image("volume-a")._base._sources.wait_applied(PATIENCE)


def test_writes_are_not_put_on_other_content(site, caplog):
    site.create()
    site.power_cut()
    intent = site.intents.get(InstanceIntent, "vm1")
    other = dataclasses.replace(FACTS, serial="VMTOTHER")
    site.intents.put(dataclasses.replace(intent, facts=other))
    site.recover()
    assert site.node.instances() == []
    assert "was written on volume-a with serial 'VMTOTHER'" in caplog.text
    store = site.settings.snapshot_dir / "vm1.cow"
    assert store.exists(), "what was written is kept"


def test_a_store_that_is_gone_is_named_and_not_made_anew(site, caplog):
    site.create()
    site.power_cut()
    store = site.settings.snapshot_dir / "vm1.cow"
    store.unlink()
    site.recover()
    assert site.node.instances() == []
    assert f"{store}, which had the writes of vm1, is gone" in caplog.text
    assert not store.exists()
    caplog.clear()
    site.recovery.turn()
    assert caplog.text == "", "it is said once"
    assert site.node.destroy("vm1")
    site.node.collect()
    assert site.held() == []


@pytest.mark.parametrize("header", [b"SnAp", b"\0\0\0\0"])
def test_a_device_that_was_given_must_hold_the_writes(
    site, monkeypatch, caplog, header
):
    disk = f"/dev/{site.kernel.sys.add('nbd', 1 << 20)}"
    site.create(device=disk)
    site.power_cut()
    site.kernel.heads[disk] = header
    site.recover()
    back = [i.name for i in site.node.instances()] == ["vm1"]
    assert back == (header == b"SnAp")
    said = f"{disk} does not hold the writes of vm1" in caplog.text
    assert said != back


def test_what_could_not_be_put_in_order_is_tried_again(site, caplog):
    site.create()
    site.power_cut()
    site.kernel.refuse("dmsetup", "create", "origin_volume-a")
    site.recover()
    assert site.node.instances() == []
    assert "volume-a is not recovered yet" in caplog.text
    site.kernel.relent()
    site.recovery.turn()
    assert [i.name for i in site.node.instances()] == ["vm1"]
    calls = len(site.kernel.calls)
    site.recovery.turn()
    assert len(site.kernel.calls) == calls, "all is in order"


def test_one_image_in_trouble_does_not_keep_the_others(site):
    site.create("vm1", "a")
    site.create("vm2", "b")
    site.power_cut()
    site.kernel.refuse("dmsetup", "create", "origin_volume-a")
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm2"]


def test_a_caller_makes_whole_what_recovery_has_not_come_to(site):
    site.create()
    site.power_cut()
    wiped = list(site.kernel.wiped)
    site.start()
    site.recovery.begin()
    assert not site.create("vm1").created
    assert [i.name for i in site.node.instances()] == ["vm1"]
    assert site.kernel.wiped == wiped


def test_a_destroy_of_what_has_not_come_back_removes_its_writes(site):
    site.create()
    site.power_cut()
    site.start()
    site.recovery.begin()
    assert site.node.destroy("vm1")
    assert list(site.settings.snapshot_dir.glob("*")) == []
    assert not site.node.destroy("vm1")


def test_a_destroy_that_is_refused_leaves_the_instance_wanted(site):
    site.create()
    site.kernel.dm.opened.add("snapshot_vm1")
    with pytest.raises(InUse):
        site.node.destroy("vm1")
    site.kernel.dm.opened.clear()
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm1"]


def test_a_destroy_that_was_cut_short_and_is_refused_now_did_not_happen(
    site, caplog
):
    site.create()
    intent = site.intents.get(InstanceIntent, "vm1")
    site.intents.put(dataclasses.replace(intent, state=InstanceState.DELETING))
    site.kernel.dm.opened.add("snapshot_vm1")
    site.recover()
    assert "snapshot_vm1 is in use" in caplog.text
    site.kernel.dm.opened.clear()
    site.recovery.turn()
    assert [i.name for i in site.node.instances()] == ["vm1"]


def test_a_broken_intent_takes_nothing_from_a_vm(site, caplog):
    site.create()
    for file in site.folder.glob("*.json"):
        file.write_text("nonsense")
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm1"]
    assert "is not an intent and is set aside" in caplog.text
    site.power_cut()
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm1"]


def test_an_instance_from_before_there_were_intents_is_adopted(site):
    site.create()
    shutil.rmtree(site.folder)
    site.recover()
    assert [r.peer.peer_id for r in site.node.reports()] == [PEER]
    site.node.destroy("vm1")
    site.node.collect()
    assert site.held() == []


def test_a_stack_that_nobody_wants_goes(site, monkeypatch):
    site.create()
    site.node.destroy("vm1")
    shutil.rmtree(site.folder)
    site.recover()
    assert site.held() == []


def test_a_stack_that_a_child_reads_is_kept_until_the_child_has_left(site):
    site.create()
    site.node.destroy("vm1")
    readers = site.kernel.tgt.served(IQN).initiators
    readers.append("iqn.2026-01.lab:node2")
    site.recover()
    assert [r.peer.peer_id for r in site.node.reports()] == [PEER]
    readers.clear()
    site.node.collect()
    assert site.held() == []


FOREIGN = (
    "origin_volume-x", "cached_volume-a", "snapshot_vm9", "multipath_", "fcg",
    "vg-root",
)  # fmt: skip


def test_what_is_not_ours_is_named_and_never_touched(site, caplog):
    for name in FOREIGN:
        site.kernel.dm.foreign(name, 8, f"LVM-{name}")
    site.kernel.run(
        ["tgtadm", "--lld", "iscsi", "--op", "new", "--mode", "target",
         "--tid", "7", "--targetname", IQN]
    )  # fmt: skip
    file = site.settings.snapshot_dir / "mine.raw"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(512))
    site.kernel.run(["losetup", "--find", "--show", str(file)])
    held, calls = site.held(), len(site.kernel.calls)
    site.recover()
    assert site.held() == held
    changing = [
        call for call in site.kernel.calls[calls:] if "show" not in call
    ]
    assert changing == []
    for name in FOREIGN[:3]:
        assert f"the device {name} has a name of the agent" in caplog.text
    assert "vg-root" not in caplog.text


def test_a_foreign_device_in_the_way_of_recovery_is_refused(site, caplog):
    site.create()
    site.power_cut()
    site.kernel.dm.foreign("origin_volume-a", 8, "LVM-x")
    site.recover()
    assert "origin_volume-a is taken by a foreign device" in caplog.text
    assert list(site.kernel.dm.devices) == ["origin_volume-a"]


def test_an_image_target_comes_back_after_a_power_cut(site, image):
    site.images.create("b", image)
    site.power_cut()
    site.recover()
    (target,) = site.images.targets()
    assert target.image == "volume-b"
    site.images.republish()
    assert site.volt.verbs()[-1] == "publish"


def test_an_image_target_takes_another_loop_device_when_its_is_taken(
    site, image, tmp_path
):
    site.images.create("b", image)
    site.power_cut()
    other = tmp_path / "other"
    other.write_bytes(bytes(512))
    site.kernel.run(["losetup", "/dev/loop0", str(other)])
    site.recover()
    (target,) = site.images.targets()
    assert site.kernel.loops()["/dev/loop0"] == str(other)
    assert site.kernel.loops()[target.device] == image
    site.images.destroy("b")
    assert list(site.kernel.loops()) == ["/dev/loop0"]


@pytest.mark.parametrize("change", ["unlink", "touch"])
def test_a_file_that_changed_is_not_served_after_a_power_cut(
    site, image, caplog, change
):
    site.images.create("b", image)
    site.power_cut()
    file = pathlib.Path(image)
    file.unlink() if change == "unlink" else os.utime(file, ns=(1, 1))
    site.recover()
    assert site.images.targets() == []
    assert image in caplog.text
    site.images.destroy("b")
    assert site.held() == []
    with pytest.raises(NotFound):
        site.images.destroy("b")


def test_an_image_target_from_before_there_were_intents_is_adopted(
    site, image
):
    site.images.create("b", image)
    shutil.rmtree(site.folder)
    site.recover()
    site.power_cut()
    site.recover()
    assert [t.image for t in site.images.targets()] == ["volume-b"]


def test_the_commands_of_a_killed_agent_are_waited_for(monkeypatch, tmp_path):
    proc = tmp_path / "proc"
    for number, name, state, parent in (
        (10, "iscsiadm", "S", 1), (11, "iscsiadm", "S", 99),
        (12, "dmsetup", "Z", 1), (13, "tgtd", "S", 1),
    ):  # fmt: skip
        (proc / str(number)).mkdir(parents=True)
        (proc / str(number) / "stat").write_text(
            f"{number} ({name}) {state} {parent} 0"
        )
    monkeypatch.setattr(orphaned_commands, "_PROC", proc)
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        shutil.rmtree(proc / "10")

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    orphaned_commands.wait_for_commands()
    assert len(waited) == 1
