# SPDX-License-Identifier: Apache-2.0
"""An agent that is killed after any change, and started again.

The kill points are not listed: an agent is killed after its first change,
the next after its second, until one gets through.  What counts changes sees
all of them (:mod:`virtman.cmd.kill_points`), so a new step is killed at, too.
"""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from fake_life import Killed
from fake_node import Site, assignment
from fake_portals import PATIENCE

from virtman.admission.credentials import Credentials
from virtman.admission.server import Admission
from virtman.drivers.accounts import NOBODY
from virtman.image.layers import multipath
from virtman.instance.request import Writes
from virtman.path import Source
from virtman.paths import reconciler
from virtman.state.intent import InstanceIntent, InstanceState

LIMIT = 200
PEER = "127.0.0.1:volume-a"
VOLUME = Source("storage", 3260, "iqn.2026-01.lab:cow")
ONE, TWO = "iqn.2026-01.lab:one", "iqn.2026-01.lab:two"
SECTORS = 4096
ignore_dead_threads = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)
pytestmark = ignore_dead_threads


@pytest.fixture(autouse=True)
def no_waiting_for_the_dead(monkeypatch, site):
    """End a wait for a path when the agent that would bring it is dead."""
    wait = reconciler.Paths.wait_applied

    def wait_applied(self, timeout):
        until(site, lambda: self._live_paths.table.applied)
        wait(self, timeout)

    monkeypatch.setattr(reconciler.Paths, "wait_applied", wait_applied)


@pytest.fixture
def options():
    """What the agent is told."""
    return {}


@pytest.fixture
def site(kernel, settings, short_pauses, image, options):
    made = Site(kernel, settings(**options))
    made.portals.serving |= {"parent", "uncle"}
    made.portals.contents["storage"] = (1 << 20, "VMTVOLUME")
    made.file = image
    yield made
    made.close()


def nothing(site):
    pass


def create(site):
    site.create("vm1")


def second(site):
    site.create("vm2")


def bring_writes(site):
    """Put there what another host has written."""
    folder = site.settings.snapshot_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vm1.cow").write_bytes(b"SnAp" + bytes(508))


def take_up(site):
    site.create("vm1", writes=Writes.KEEP)


def create_on_a_volume(site):
    site.create("vm1", writes=Writes.DISCARD, remote=VOLUME)
    site.kernel.heads[site.portals.sessions[VOLUME].device] = b"SnAp"


def create_on_a_blank_volume(site):
    site.create("vm1", remote=VOLUME)
    site.kernel.heads[site.portals.sessions[VOLUME].device] = b"SnAp"


def is_there_or_nothing(site):
    """Nobody was told of it; who asks again gets it, unwiped."""
    if not site.node.instances():
        site.node.collect()
        assert site.held() == []
        create_on_a_blank_volume(site)
    is_there_with_its_volume(site)
    assert site.kernel.wiped == []


def is_there_with_its_volume(site):
    created(site, "vm1")
    assert VOLUME in site.portals.sessions
    assert site.intents.get(InstanceIntent, "vm1").serial == "VMTVOLUME"


def only_the_volume_knows(site):
    assert site.node.instances() == []
    assert VOLUME not in site.portals.sessions
    assert [i.name for i in site.node.inactive()] == ["vm1"]


def destroy(site):
    site.node.destroy("vm1")


def deactivate(site):
    site.node.deactivate("vm1")


def undeploy(site):
    site.node.collect()


def create_below_a_parent(site):
    site.volt.answers = [assignment("parent")]
    create(site)


def change_parent(site):
    site.volt.answers = [assignment("uncle")]
    site.node.reassign({PEER: assignment("uncle")})
    until(site, lambda: "parent" not in hosts(site))


def hosts(site):
    return [source.host for source in site.portals.sessions]


def until(site, condition):
    """Wait for a condition, as long as the agent lives."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        site.life.alive()
        assert time.monotonic() < end
        pause.wait(0.002)


def publish(site):
    site.images.create("b", site.file)


def withdraw(site):
    site.images.destroy("b")


def created(site, *names):
    """Hold that these instances stand, whole, and that reads find a way."""
    assert [i.name for i in site.node.instances()] == sorted(names)
    for name in names:
        device = site.kernel.dm.devices[f"snapshot_{name}"]
        assert "snapshot" in device.table
        intent = site.intents.get(InstanceIntent, name)
        assert intent.state is InstanceState.ACTIVE
    base = site.node.image("volume-a")._base
    assert base.deployed
    base._sources.wait_applied(PATIENCE)
    table = site.kernel.dm.devices["multipath_volume-a"].table
    assert multipath.devices_of(table)
    assert "queue_if_no_path" in table
    assert site.kernel.tgt.served("iqn.2010-10.org.openstack:volume-a").acl
    assert [r.peer.peer_id for r in site.node.reports()] == [PEER]


def first_is_there(site):
    created(site, "vm1")


def first_or_its_data(site):
    """An activation that nobody was told of may be taken up, or given up."""
    if site.node.inactive():
        only_the_data_is_there(site)
    else:
        created(site, "vm1")


def taken_up_or_can_be(site):
    file = site.settings.snapshot_dir / "vm1.cow"
    assert file.read_bytes()[:4] == b"SnAp"
    if not site.node.instances():
        take_up(site)
    created(site, "vm1")
    assert site.intents.get(InstanceIntent, "vm1").facts


def below_the_uncle(site):
    created(site, "vm1")
    until(site, lambda: sorted(hosts(site)) == ["server", "uncle"])


def both_are_there(site):
    created(site, "vm1", "vm2")


def only_the_data_is_there(site):
    assert site.node.instances() == []
    assert [i.name for i in site.node.inactive()] == ["vm1"]
    site.node.collect()
    assert site.held() == ["instance.vm1.json", "vm1.cow"]


def nobody_is_there(site):
    assert site.node.instances() == []
    site.node.collect()
    assert site.held() == []


def served(site):
    (target,) = site.images.targets()
    assert target.image == "volume-b"
    site.images.republish()
    assert site.volt.verbs()[-1] == "publish"
    found = site.kernel.tgt.served(target.iqn)
    admitted = [NOBODY] if site.settings.closed_targets else ["ALL"]
    assert (found.readonly, found.acl) == ("Yes", admitted)
    assert list(site.kernel.loops()) == [target.device]


def not_served(site):
    assert site.images.targets() == []
    assert site.held() == []


def open_store(site):
    site.stores.open("vol1", SECTORS, ONE, new=True)


def write_there(site):
    with (site.settings.store_dir / "vol1.cow").open("r+b") as opened:
        opened.write(b"SnAp")


def hand_over(site):
    site.stores.open("vol1", SECTORS, TWO, new=False)


def delete_store(site):
    site.stores.delete("vol1")


def open_or_not(site):
    if site.stores.all():
        assert not _only_store(site).written
    else:
        assert site.held() == []
    # Who asked and was not answered asks again.
    open_store(site)
    _only_store(site)


def written_and_open_to_one(site):
    found = _only_store(site)
    assert found.written
    assert found.initiator in (ONE, TWO)


def store_or_nothing(site):
    if site.stores.all():
        assert _only_store(site).written
    else:
        assert site.held() == []


def _only_store(site):
    (found,) = site.stores.all()
    served = site.kernel.tgt.served(found.iqn)
    closed = site.settings.closed_targets
    assert served.acl == [NOBODY if closed else found.initiator]
    return found


STORIES = {
    "create": ([], [], create, first_is_there),
    "create another": ([create], [], second, both_are_there),
    "destroy": ([create], [], destroy, nobody_is_there),
    "deactivate": ([create], [], deactivate, only_the_data_is_there),
    "activate": ([create, deactivate], [], create, first_or_its_data),
    "take up": ([bring_writes], [], take_up, taken_up_or_can_be),
    "create on a volume": (
        [],
        [],
        create_on_a_volume,
        is_there_with_its_volume,
    ),
    "create on a blank volume": (
        [],
        [],
        create_on_a_blank_volume,
        is_there_or_nothing,
    ),
    "deactivate on a volume": (
        [create_on_a_volume],
        [],
        deactivate,
        only_the_volume_knows,
    ),
    "destroy on a volume": (
        [create_on_a_volume],
        [],
        destroy,
        nobody_is_there,
    ),
    "undeploy": ([create], [destroy], undeploy, nobody_is_there),
    "change parent": (
        [create_below_a_parent],
        [],
        change_parent,
        below_the_uncle,
    ),
    "publish": ([], [], publish, served),
    "withdraw": ([publish], [], withdraw, not_served),
    "open a store": ([], [], open_store, open_or_not),
    "hand a store over": (
        [open_store, write_there],
        [],
        hand_over,
        written_and_open_to_one,
    ),
    "delete a store": (
        [open_store, write_there],
        [],
        delete_store,
        store_or_nothing,
    ),
}


def tidy(site):
    """Do what the agent's first housekeeping does with its readers."""
    file = site.settings.state_dir / "admission.json"
    credentials = Credentials(
        file, ("127.0.0.1", 3260), lambda: "iqn.2026-01.lab:n1"
    )
    Admission(credentials, site.settings.closed_targets).tidy()


def clean(site):
    """Take everything down; nothing may be left."""
    for instance in [*site.node.instances(), *site.node.inactive()]:
        site.node.destroy(instance.name)
    site.node.collect()
    for target in site.images.targets():
        site.images.destroy(target.image)
    for store in site.stores.all():
        site.stores.delete(store.store)
    assert site.held() == []
    site.volt.answers = [assignment()]


def live(site, story, left):
    """Do what comes before, then act until the agent is killed.

    What comes first was done by an agent before the one that is killed.

    :returns: after what it was killed, None if it got through.
    """
    first, then, act, _ = STORIES[story]
    for step in first:
        step(site)
    site.recover()
    for step in then:
        step(site)
    site.life.die_after(left)
    with contextlib.suppress(Killed):
        act(site)
        for image in site.node.images():
            image.close()
    return site.life.died_after


@pytest.mark.parametrize("story", STORIES)
def test_an_agent_killed_after_any_change_leaves_it_whole_or_gone(site, story):
    before, _, act, holds = STORIES[story]
    points = []
    for left in range(1, LIMIT):
        point = live(site, story, left)
        wiped = list(site.kernel.wiped)
        site.recover()
        tidy(site)
        try:
            holds(site)
            if before and act is not second:
                assert site.kernel.wiped == wiped, "a VM's writes were wiped"
            clean(site)
        except AssertionError as error:
            raise AssertionError(f"killed after {point}: {error}") from error
        if point is None:
            break
        points.append(point)
    assert len(points) == left - 1 > 2


@pytest.mark.parametrize("story", STORIES)
def test_an_agent_killed_while_it_recovers_recovers_the_next_time(site, story):
    holds = STORIES[story][-1]
    for left in range(1, LIMIT):
        # Half of the way is where most is to be done.
        live(site, story, 6)
        with contextlib.suppress(Killed):
            site.recover(left)
        survived = not site.life.over
        point = site.life.died_after
        site.recover()
        try:
            holds(site)
            clean(site)
        except AssertionError as error:
            raise AssertionError(f"killed after {point}: {error}") from error
        if survived:
            return
    raise AssertionError("recovery never got through")


@pytest.mark.parametrize("options", [{"master_ip": "127.0.0.1"}])
@pytest.mark.parametrize("story", ["create", "undeploy", "publish"])
def test_an_agent_killed_at_a_closed_target_leaves_it_closed_or_gone(
    site, story
):
    test_an_agent_killed_after_any_change_leaves_it_whole_or_gone(site, story)
    assert not site.settings.open_targets
