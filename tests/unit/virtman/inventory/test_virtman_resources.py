# SPDX-License-Identifier: Apache-2.0
"""What of a host is ours, and which of that nobody wants."""

from __future__ import annotations

import shutil

import pytest
from fake_node import Site
from fake_proc import FakeProc

from virtman.doctor import Level, leftovers
from virtman.drivers import processes
from virtman.exception import CommandError
from virtman.inventory import resources
from virtman.state import intents

FOREIGN = ("origin_volume-x", "snapshot_vm9", "multipath_", "vg-root")


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


def ours(site):
    wanted = intents.peek(site.folder)
    return resources.list_resources(site.settings, site.engine, wanted)


def leftover_texts(site, level=Level.WARNING):
    findings = leftovers.look(site.settings)
    return sorted(item.text for item in findings if item.level is level)


def test_what_an_instance_and_a_target_are_made_of_is_ours(site, image):
    site.create()
    site.images.create("b", image)
    names = {(item.kind, item.name) for item in ours(site)}
    store = f"{site.settings.snapshot_dir}/vm1.cow"
    for name in site.kernel.dm.devices:
        assert ("device", f"/dev/mapper/{name}") in names
    for target in site.kernel.tgt.targets.values():
        assert ("target", target.iqn) in names
    for device in site.kernel.loops():
        assert ("loop", device) in names
    assert ("file", store) in names
    intents = {name for _, name in names if name.endswith(".json")}
    assert len(intents) == 3
    assert len(names - {("file", name) for name in intents}) == 4 + 2 + 2 + 1


def test_what_the_intents_want_is_not_left_over(site, image):
    site.create()
    site.images.create("b", image)
    assert leftover_texts(site) == []
    assert leftover_texts(site, Level.OK) == ["nothing is left over"]


def test_what_nobody_wants_is_named(site, image):
    site.create("vm1", "a")
    site.images.create("b", image)
    shutil.rmtree(site.folder)
    text = " ".join(leftover_texts(site))
    for name in ("snapshot_vm1", "vm1.cow", "target ", "loop "):
        assert name in text
    assert "cached_volume-a" not in text, "the instance wants it"


def test_a_stack_without_instances_is_named_as_a_whole(site):
    site.create()
    site.node.destroy("vm1")
    shutil.rmtree(site.folder)
    text = " ".join(leftover_texts(site))
    for name in ("multipath", "cached", "origin"):
        assert f"/dev/mapper/{name}_volume-a" in text


def test_files_without_devices_are_named(site):
    options = site.settings
    for folder in (options.cache_dir, options.run_dir, options.snapshot_dir):
        folder.mkdir(parents=True)
    names = [
        options.cache_dir / "volume-a.data",
        options.run_dir / "0123456789abcdef.nbd",
        options.snapshot_dir / "vm1.cow",
    ]
    for file in (*names, options.snapshot_dir / "mine.raw"):
        file.touch()
    assert leftover_texts(site) == sorted(
        f"file {file} is an orphan of the agent" for file in names
    )


def test_a_daemon_without_files_is_named(site):
    proc = FakeProc(processes.PROC)
    overlay = "--blockdev\0file,node-name=overlay-file,filename="
    cache = site.settings.cache_dir
    proc.run(7, "qemu-storage-daemon", f"{overlay}{cache}/volume-a.qcow2")
    proc.run(8, "qemu-storage-daemon", f"{overlay}/elsewhere/volume-b.qcow2")
    (text,) = leftover_texts(site)
    assert text.startswith("process qemu-storage-daemon (7)")


def test_what_is_not_ours_is_not_named(site, tmp_path):
    for name in FOREIGN:
        site.kernel.dm.foreign(name, 8, f"LVM-{name}")
    (tmp_path / "other").write_bytes(bytes(512))
    site.kernel.run(["losetup", "--find", "--show", str(tmp_path / "other")])
    site.kernel.run(
        ["tgtadm", "--lld", "iscsi", "--op", "new", "--mode", "target",
         "--tid", "7", "--targetname", "iqn.2010-10.org.openstack:volume-a"]
    )  # fmt: skip
    assert ours(site) == []


def test_a_host_without_tgtd_has_no_targets(site):
    site.kernel.tgt.down = True
    assert leftover_texts(site, Level.OK) == ["nothing is left over"]
    FakeProc(processes.PROC).run(7, "/usr/sbin/tgtd")
    with pytest.raises(CommandError):
        leftover_texts(site)


def test_a_look_at_intents_leaves_a_broken_one_where_it_is(site):
    site.create()
    before = sorted(site.folder.iterdir())
    (site.folder / "instance.vm2.json").write_text("nonsense")
    wanted = {(item.kind, item.name) for item in intents.peek(site.folder)}
    assert wanted == {("instance", "vm1"), ("image", "volume-a")}
    assert len(list(site.folder.iterdir())) == len(before) + 1
