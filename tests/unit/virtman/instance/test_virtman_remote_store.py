# SPDX-License-Identifier: Apache-2.0
"""Writes on a volume that the agent logs in to, and out of."""

from __future__ import annotations

import dataclasses

import pytest
from fake_node import Site

from virtman.exception import (
    InUse,
    InvalidRequest,
    NoSource,
    NotFound,
    WrongIdentity,
)
from virtman.instance.request import Writes
from virtman.path import Login, Source
from virtman.state import intent_json
from virtman.state.intent import InstanceIntent

WRITTEN = b"SnAp" + bytes(508)
VOLUME = Source(
    "storage", 3260, "iqn.2010-10.org.openstack:volume-cow", 1,
    Login("a user", "a secret"),
)  # fmt: skip
SIZE = 1 << 20


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    made.portals.serving.add("storage")
    made.portals.contents["storage"] = (SIZE, "VOLUME1")
    yield made
    made.close()


def sessions(site):
    return [source.host for source in site.portals.sessions]


def create(site, writes, **more):
    return site.create(writes=writes, remote=VOLUME, **more)


def disk(site):
    """Return the disk that the volume is on this host."""
    return site.portals.sessions[VOLUME].device


def blank(site):
    """Have the volume hold zeros, whatever its disk."""
    for number in range(9):
        site.kernel.heads[f"/dev/nbd{number}"] = bytes(512)


def written(site):
    """Have the volume hold the writes of a snapshot, whatever its disk."""
    for number in range(9):
        site.kernel.heads[f"/dev/nbd{number}"] = WRITTEN


def test_a_new_one_is_logged_in_to_wiped_and_written_on(site):
    create(site, writes=Writes.DISCARD)
    assert sorted(sessions(site)) == ["server", "storage"]
    assert [device for device, _ in site.kernel.wiped] == [disk(site)]
    number = site.kernel.sys.read(disk(site).removeprefix("/dev/"), "dev")
    assert number in site.kernel.dm.devices["snapshot_vm1"].table
    known = site.intents.get(InstanceIntent, "vm1")
    assert (known.remote, known.serial) == (VOLUME, "VOLUME1")
    assert known.remote.login == VOLUME.login


def test_what_it_asks_for_is_in_the_intent_s_file_alone(site, caplog):
    create(site, writes=Writes.DISCARD)
    known = site.intents.get(InstanceIntent, "vm1")
    assert intent_json.loads(intent_json.dumps(known)) == known
    assert (
        intent_json.loads(intent_json.dumps(known)).remote.login
        == VOLUME.login
    )
    assert "a secret" not in caplog.text + repr(known)
    (file,) = site.folder.glob("instance.*")
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_its_disk_an_instance_holds_no_session(site):
    create(site, writes=Writes.DISCARD)
    assert site.node.deactivate("vm1")
    assert sessions(site) == ["server"]
    wiped = list(site.kernel.wiped)
    written(site)
    assert create(site, writes=Writes.DISCARD).created
    assert site.kernel.wiped == wiped
    assert site.node.destroy("vm1")
    assert sessions(site) == ["server"]
    site.node.collect()
    assert site.held() == []


def test_writes_of_another_host_are_taken_up(site):
    written(site)
    create(site, writes=Writes.KEEP)
    assert site.kernel.wiped == []
    assert site.intents.get(InstanceIntent, "vm1").serial == "VOLUME1"


def test_without_any_it_is_refused_and_logged_out_of(site):
    with pytest.raises(NotFound, match="no header of a snapshot"):
        create(site, writes=Writes.KEEP)
    assert "storage" not in sessions(site)
    site.node.collect()
    assert site.held() == []


def test_who_does_not_say_has_the_volume_itself_say_and_wipes_nothing(site):
    blank(site)
    create(site, writes=Writes.DETECT)
    assert site.kernel.wiped == []
    assert site.intents.get(InstanceIntent, "vm1").serial == "VOLUME1"
    assert site.node.deactivate("vm1")
    written(site)
    assert create(site, writes=Writes.DETECT).created
    assert site.kernel.wiped == []


def test_a_volume_that_lost_what_was_written_is_not_begun_anew(site):
    blank(site)
    create(site, writes=Writes.DETECT)
    assert site.node.deactivate("vm1")
    with pytest.raises(NotFound, match="no header of a snapshot"):
        create(site, writes=Writes.DETECT)
    assert [one.name for one in site.node.inactive()] == ["vm1"]


def test_a_volume_of_something_else_is_refused_and_stays_as_it_is(site):
    for number in range(9):
        site.kernel.heads[f"/dev/nbd{number}"] = b"LVM2"
    with pytest.raises(NotFound, match="no header of a snapshot"):
        create(site, writes=Writes.DETECT)
    assert site.kernel.wiped == []
    assert "storage" not in sessions(site)
    site.node.collect()
    assert site.held() == []


def test_a_boot_before_anything_was_written_takes_the_volume_for_new(site):
    blank(site)
    create(site, writes=Writes.DETECT)
    known = site.intents.get(InstanceIntent, "vm1")
    # As it was when the power went: nothing was noted yet.
    site.intents.put(
        dataclasses.replace(known, blank=True, facts=None, serial=None)
    )
    site.power_cut()
    site.recover()
    assert [one.name for one in site.node.instances()] == ["vm1"]
    assert site.kernel.wiped == []
    assert not site.intents.get(InstanceIntent, "vm1").blank


def test_a_login_that_fails_leaves_nothing(site):
    site.portals.failing.add("storage")
    with pytest.raises(NoSource):
        create(site, writes=Writes.DISCARD)
    site.node.collect()
    assert site.held() == []


def test_a_volume_too_small_is_logged_out_of(site):
    site.portals.contents["storage"] = (8, "VOLUME1")
    with pytest.raises(InvalidRequest, match="too small"):
        create(site, writes=Writes.DISCARD)
    site.node.collect()
    assert site.held() == []


def test_one_target_is_the_store_of_one_instance(site):
    create(site, writes=Writes.DISCARD)
    with pytest.raises(InUse, match="of the instance vm1"):
        site.create("vm2", writes=Writes.DISCARD, remote=VOLUME)
    assert sorted(sessions(site)) == ["server", "storage"]
    assert site.node.destroy("vm1")
    site.portals.connect(VOLUME)
    with pytest.raises(InUse, match="log out of it first"):
        create(site, writes=Writes.DISCARD)
    assert "storage" in sessions(site), "somebody else's session stays"


def test_another_disk_behind_the_same_target_is_not_written_on(site):
    create(site, writes=Writes.DISCARD)
    site.node.deactivate("vm1")
    site.portals.contents["storage"] = (SIZE, "ANOTHER")
    with pytest.raises(WrongIdentity, match="ANOTHER"):
        create(site, writes=Writes.KEEP)
    site.recovery.turn()
    assert sessions(site) == ["server"]
    assert [one.name for one in site.node.inactive()] == ["vm1"]


def test_a_new_secret_is_taken_and_kept(site):
    create(site, writes=Writes.DISCARD)
    site.node.deactivate("vm1")
    written(site)
    changed = Source(VOLUME.host, 3260, VOLUME.iqn, 1, Login("b", "new"))
    site.create(writes=Writes.KEEP, remote=changed)
    known = site.intents.get(InstanceIntent, "vm1")
    assert known.remote.login == Login("b", "new")


def test_a_boot_logs_in_again(site):
    create(site, writes=Writes.DISCARD)
    site.power_cut()
    written(site)
    site.recover()
    assert [one.name for one in site.node.instances()] == ["vm1"]
    assert site.portals.done("login").count("storage") == 2
