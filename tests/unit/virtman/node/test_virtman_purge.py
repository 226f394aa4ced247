# SPDX-License-Identifier: Apache-2.0
"""All that is ours goes, and nothing else; what is in use stays whole."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib

import pytest
from fake_daemon import FakeDaemon
from fake_node import Site
from fake_proc import FakeProc

from virtman.cache.qemu.engine import QemuEngine
from virtman.cli import purge as command
from virtman.cmd import host
from virtman.coordinator.protocol import Alone
from virtman.drivers import dmsetup, processes, udev
from virtman.drivers.connector import Connector
from virtman.image.services import Services
from virtman.inventory import holders, resources
from virtman.inventory.resources import ResourceOwner
from virtman.names import Role
from virtman.node.purge import Purge
from virtman.path import Source
from virtman.state.intent import InstanceIntent, InstanceState
from virtman.state.intents import Intents

IQN = "iqn.2010-10.org.openstack:volume-a"
FOREIGN = (
    "origin_volume-x", "cached_volume-y", "snapshot_vm9", "multipath_", "fcg",
    "vg-root",
)  # fmt: skip


@pytest.fixture
def site(kernel, settings, short_pauses):
    """A node with two instances of one image, and no agent any more."""
    made = Site(kernel, settings())
    made.create("vm1")
    made.create("vm2")
    made.node.close()
    yield made
    made.close()


def services(site):
    return Services(
        site.settings, site.engine, site.portals, Alone(), site.beat_schedule,
        Intents(site.folder),
    )  # fmt: skip


def purge(site, **more):
    return Purge(services(site), **more)


INITIATOR = "iqn.2026-01.lab:one"


def with_a_store(site):
    """Have the node keep a store that was written on."""
    site.stores.open("vol1", 4096, INITIATOR, new=True)
    file = site.settings.store_dir / "vol1.cow"
    with file.open("r+b") as opened:
        opened.write(b"SnAp")
    site.images.stop()
    return file


def test_a_store_of_another_host_s_disk_goes_too(site):
    file = with_a_store(site)
    work = purge(site)
    kinds = {
        one.kind
        for one in work.list_resources()
        if one.owner is ResourceOwner.STORE
    }
    assert kinds == {"target", "file"}
    assert work.run() == []
    assert (work.list_resources(), file.exists()) == ([], False)


def test_with_the_data_kept_a_store_is_not_exported_and_comes_back(site):
    file = with_a_store(site)
    assert purge(site, keep_data=True).run() == []
    assert file.exists()
    assert "cow-vol1" not in str(site.kernel.left())
    site.recover()
    (found,) = site.stores.all()
    assert (found.initiator, found.written) == (INITIATOR, True)
    assert site.kernel.tgt.served(found.iqn).acl


def test_a_store_that_a_host_has_is_in_use(site):
    file = with_a_store(site)
    (target,) = [
        one for one in site.kernel.tgt.targets.values() if "cow" in one.iqn
    ]
    target.initiators.append(INITIATOR)
    assert any(INITIATOR in reason for reason in holders.reasons())
    assert any(INITIATOR in error for error in purge(site).run())
    assert file.exists()
    target.initiators.clear()
    assert purge(site).run() == []


def test_a_session_with_a_store_that_nobody_wants_is_found(site, log_in):
    iqn = "iqn.2010-10.org.openstack:cow-vol1"
    log_in(7, iqn, "10.0.0.1", "VIRTMAN")
    found = purge(site).list_resources()
    (session,) = [one for one in found if one.kind == "session"]
    assert (session.name, session.of) == (iqn, "vol1")
    assert resources.orphans(found, []) != []
    remote = Source("10.0.0.1", 3260, iqn)
    wanted = InstanceIntent(
        "vm9", "volume-a", state=InstanceState.ACTIVE, remote=remote
    )
    (session,) = [
        one
        for one in resources.list_resources(
            site.settings, site.engine, [wanted]
        )
        if one.kind == "session"
    ]
    assert session.of == "vm9"
    assert session not in resources.orphans([session], [wanted])


def test_all_of_it_goes_files_and_folders_too(site, image):
    site.images.create("b", image)
    site.images.stop()
    options = site.settings
    for name in (
        "intents/x.broken",
        "digests/volume-b.json",
        "admission.json",
    ):
        (options.state_dir / name).parent.mkdir(exist_ok=True)
        (options.state_dir / name).touch()
    for name in ("locks/os-brick", "0123456789abcdef.nbd"):
        (options.run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (options.run_dir / name).touch()
    work = purge(site)
    assert work.run() == []
    assert site.held() == []
    assert work.list_resources() == []
    assert not options.state_dir.exists()
    assert not options.run_dir.exists()
    assert pathlib.Path(image).exists(), "an image's file is its owner's"


def test_a_second_time_there_is_nothing_to_do(site):
    assert purge(site).run() == []
    assert purge(site).list_resources() == []
    assert purge(site).run() == []


def test_what_stands_without_any_intent_goes_too(site, image):
    site.images.create("b", image)
    site.images.stop()
    for file in site.folder.iterdir():
        file.unlink()
    assert purge(site).run() == []
    assert site.held() == []


def foreign(site, tmp_path):
    """Put onto the host what only looks like ours, or not even so."""
    for name in FOREIGN:
        site.kernel.dm.foreign(name, 8, f"LVM-{name}")
    (tmp_path / "theirs").write_bytes(bytes(512))
    (site.settings.snapshot_dir / "mine.raw").write_bytes(bytes(512))
    (site.settings.state_dir / "notes").touch()
    for file in (
        tmp_path / "theirs", site.settings.snapshot_dir / "mine.raw"
    ):  # fmt: skip
        site.kernel.run(["losetup", "--find", "--show", str(file)])
    admin = ["tgtadm", "--lld", "iscsi", "--op", "new", "--mode"]
    for tid, name in ((7, "iqn.2001-04.org:x"), (8, f"{IQN}-of-cinder")):
        site.kernel.run(
            [*admin, "target", "--tid", str(tid), "--targetname", name]
        )
        site.kernel.run(
            [*admin, "logicalunit", "--tid", str(tid), "--lun", "1",
             "--backing-store", "/dev/vg/volume"]
        )  # fmt: skip


def test_what_is_not_ours_stays(site, tmp_path):
    foreign(site, tmp_path)
    assert purge(site).run() == []
    assert sorted(site.kernel.left()) == sorted(
        [*FOREIGN, *site.kernel.loops(), "iqn.2001-04.org:x",
         f"{IQN}-of-cinder"]
    )  # fmt: skip
    assert len(site.kernel.loops()) == 2
    kept = [site.settings.snapshot_dir / "mine.raw"]
    kept.append(site.settings.state_dir / "notes")
    assert all(file.exists() for file in kept)


def test_with_keep_data_the_writes_stay_and_the_disks_come_back(site):
    stores = {f.name for f in site.settings.snapshot_dir.iterdir()}
    work = purge(site, keep_data=True)
    assert work.run() == []
    assert site.kernel.left() == []
    assert {f.name for f in site.settings.snapshot_dir.iterdir()} == stores
    assert all(work.keeps(resource) for resource in work.list_resources())
    wiped = list(site.kernel.wiped)
    site.recover()
    assert [i.name for i in site.node.instances()] == ["vm1", "vm2"]
    assert site.kernel.wiped == wiped, "what was written is as it was"


def test_with_keep_data_a_disk_nobody_was_told_of_goes_all_the_same(site):
    site.intents.put(InstanceIntent("vm3", "volume-a"))
    assert purge(site, keep_data=True).run() == []
    assert not (site.folder / "instance.vm3.json").exists()
    assert (site.folder / "instance.vm1.json").exists()


def test_one_thing_that_does_not_go_keeps_none_of_the_rest(site, image):
    site.images.create("b", image)
    site.images.stop()
    site.kernel.refuse("dmsetup", "remove", "snapshot_vm2")
    (error, *_) = purge(site).run()
    assert "snapshot_vm2" in error
    assert "snapshot_vm1" not in site.kernel.dm.devices
    assert site.kernel.loops() and not site.kernel.tgt.targets.get(2)
    stores = [f.name for f in site.settings.snapshot_dir.iterdir()]
    assert stores == ["vm2.cow"]
    assert (site.folder / "instance.vm2.json").exists()
    site.kernel.relent()
    assert purge(site).run() == []
    assert site.held() == []


def test_reads_that_wait_and_suspended_devices_are_let_go_first(site):
    site.kernel.run(["dmsetup", "suspend", "cached_volume-a"])
    multipath = site.kernel.dm.devices["multipath_volume-a"]
    assert purge(site).run() == []
    assert multipath.messages[-1] == "fail_if_no_path"


def test_without_tgtd_nothing_is_touched(site):
    held, site.kernel.tgt.down = site.held(), True
    with pytest.raises(Exception, match="tgtd does not answer: start it"):
        purge(site).run()
    assert site.held() == held


def test_udevs_rule_goes_with_the_rest(site, monkeypatch, tmp_path):
    folder = tmp_path / "rules.d"
    monkeypatch.setattr(udev, "FOLDER", folder)
    monkeypatch.setattr(udev.remove, "__defaults__", (folder,))
    folder.mkdir()
    (folder / udev.NAME).write_text(udev.RULE)
    (folder / "60-theirs.rules").touch()
    assert purge(site).run() == []
    assert [f.name for f in folder.iterdir()] == ["60-theirs.rules"]
    assert site.kernel.called("udevadm", "control", "--reload")


def test_a_group_of_ours_goes_and_one_that_only_has_the_name_stays(site):
    for role in (Role.GROUP, Role.SSD, Role.CACHE):
        dmsetup.create(role, "fcg", "0 8 zero")
    assert purge(site).run() == []
    assert site.kernel.dm.devices == {}
    site.kernel.dm.foreign("fcg", 8)
    assert purge(site).run() == []
    assert list(site.kernel.dm.devices) == ["fcg"]


def test_sessions_end_whatever_the_prefix_and_those_of_others_do_not(
    site, log_in, tmp_path
):
    """Nothing else tells of them; a disk's vendor says whose they are."""
    prefix = "iqn.2026-01.lab:volume-"
    log_in(1, f"{prefix}a", "10.0.0.1", "VIRTMAN", "sdy")
    log_in(2, f"{prefix}b", "10.0.0.1", "IET", "sdz")
    mine = dataclasses.replace(services(site), sessions=Connector(tmp_path))
    work = Purge(mine)
    assert ("session", f"{prefix}a") in {
        (resource.kind, resource.name) for resource in work.list_resources()
    }
    work.run()
    assert site.kernel.called("iscsiadm", f"{prefix}a", "--logout")
    assert not site.kernel.called("iscsiadm", f"{prefix}b")


def test_the_default_engine_gives_back_all_that_it_has(
    kernel, settings, monkeypatch
):
    daemon = FakeDaemon(kernel, monkeypatch)
    made = Site(kernel, settings())
    made.engine = QemuEngine(made.settings)
    made.start()
    made.create()
    made.node.close()
    kinds = {resource.kind for resource in purge(made).list_resources()}
    assert kinds == {"device", "target", "loop", "nbd", "file"}
    made.engine = QemuEngine(made.settings)
    assert purge(made).run() == []
    assert (made.held(), daemon.connected(), daemon.running) == ([], [], set())
    made.close()


def test_nothing_is_in_use_when_no_vm_runs(site):
    assert holders.reasons() == []


def test_a_disk_that_is_open_is_named_with_who_opened_it(site):
    site.kernel.dm.opened.add("snapshot_vm1")
    (reason,) = holders.reasons()
    assert reason == "/dev/mapper/snapshot_vm1 is held open (mounted?)"


def test_a_foreign_device_on_ours_is_named(site):
    own = site.kernel.dm.devices["snapshot_vm2"].kernel_name
    site.kernel.dm.foreign("vg-guest", 8)
    theirs = site.kernel.dm.devices["vg-guest"].kernel_name
    site.kernel.sys.stand_on(theirs, [own])
    (reason,) = holders.reasons()
    assert (
        reason == f"/dev/mapper/snapshot_vm2 is in use by {theirs} (vg-guest)"
    )


def test_a_foreign_device_on_a_disk_of_ours_is_named(site, log_in):
    disk = site.kernel.sys.add("sd", 4096)
    log_in(1, IQN, "10.0.0.1", "VIRTMAN", disk)
    site.kernel.dm.foreign("mpatha", 8)
    theirs = site.kernel.dm.devices["mpatha"].kernel_name
    site.kernel.sys.stand_on(theirs, [disk])
    (reason,) = holders.reasons()
    assert reason == (
        f"/dev/{disk}, the disk of {IQN}, is in use by {theirs} (mpatha)"
    )
    site.kernel.sys.stand_on(theirs, [])


def test_a_node_that_reads_from_us_is_named(site):
    site.kernel.tgt.served(IQN).initiators.append("iqn.2026-01.lab:n2")
    (reason,) = holders.reasons()
    assert reason == f"target {IQN} serves iqn.2026-01.lab:n2"


@pytest.fixture
def virtman(site, tmp_path, monkeypatch, capsys):
    """Run the command on the site; its status, its rows and what it said."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(command, "_services", lambda settings: services(site))
    conf = str(tmp_path / "virtman.conf")

    def run(*words):
        argv = ["--config-file", conf, "purge", "-f", "json", *words]
        status = host.main(argv)
        told = capsys.readouterr()
        return status, json.loads(told.out or "[]"), told.err

    return run


def test_the_command_lists_what_it_took_away(virtman, site):
    status, rows, said = virtman("--yes")
    assert (status, said) == (0, "")
    results = {(row["kind"], row["result"]) for row in rows}
    assert results == {
        (kind, "removed") for kind in ("device", "target", "loop", "file")
    }
    assert site.held() == []
    assert virtman("--yes") == (0, [], "")


def test_the_command_tells_what_it_keeps(virtman, site):
    status, rows, _ = virtman("--yes", "--keep-data")
    assert status == 0
    kept = [row["name"] for row in rows if row["result"] == "kept"]
    assert sorted(name.rpartition("/")[2] for name in kept) == [
        "instance.vm1.json", "instance.vm2.json", "vm1.cow", "vm2.cow",
    ]  # fmt: skip


def test_the_command_refuses_beside_an_agent(virtman, site):
    held = site.held()
    FakeProc(processes.PROC).run(7, "/bin/virtman-server")
    status, rows, said = virtman("--yes")
    assert (status, rows) == (1, [])
    assert "virtman-server runs (process 7)" in said
    assert "systemctl stop virtman-server" in said
    assert site.held() == held


def test_the_command_refuses_what_is_in_use_and_changes_nothing(virtman, site):
    held = site.held()
    site.kernel.dm.opened |= {"snapshot_vm1", "snapshot_vm2"}
    status, rows, said = virtman("--yes")
    assert (status, rows) == (1, [])
    for name in ("vm1", "vm2"):
        assert f"/dev/mapper/snapshot_{name} is held open" in said
    assert site.held() == held


def test_the_command_says_what_stays_against_its_will(virtman, site):
    site.kernel.refuse("dmsetup", "remove", "snapshot_vm2")
    status, rows, said = virtman("--yes")
    assert status == 1
    left = [row["name"] for row in rows if row["result"] == "left"]
    assert "/dev/mapper/snapshot_vm2" in left
    assert "virtman: dmsetup remove" in said


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("answer", "goes"), [("y\n", True), ("n\n", False), ("", False)]
)
def test_the_command_asks_before(virtman, site, monkeypatch, answer, goes):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    status, rows, said = virtman()
    assert "device /dev/mapper/snapshot_vm1" in said
    assert "away? [y/N]" in said
    assert bool(site.held()) is not goes
    assert (status == 0, bool(rows)) == (goes, goes)


def test_the_command_does_not_take_silence_for_a_yes(
    virtman, site, monkeypatch
):
    held = site.held()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    status, _, said = virtman()
    assert status == 2
    assert "--yes" in said
    assert site.held() == held
