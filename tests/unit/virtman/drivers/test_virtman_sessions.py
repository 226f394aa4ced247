# SPDX-License-Identifier: Apache-2.0
"""Sessions that stand since before the agent: found, and told from others'."""

from __future__ import annotations

from virtman.drivers import sessions
from virtman.drivers.connector import Connector
from virtman.inventory import images
from virtman.path import Path, Source

IQN = "iqn.2010-10.org.openstack:volume-a"
# A volume of Cinder's has a name of the same form.
CINDER = "iqn.2010-10.org.openstack:volume-0a1b2c3d"
NODE = ("-m", "node", "-T", IQN, "-p", "10.0.0.2:3260")


def test_a_session_is_known_by_its_target_its_portal_and_its_disk(log_in):
    log_in(1, IQN, "10.0.0.1", "VIRTMAN", "sdb")
    log_in(2, IQN, "fe80::1", "VIRTMAN", "sdc")
    log_in(3, IQN + "2", "10.0.0.1", "VIRTMAN", "sdd")
    assert sessions.standing(IQN) == [
        Path(Source("10.0.0.1", 3260, IQN, 1), "/dev/sdb", 4096),
        Path(Source("fe80::1", 3260, IQN, 1), "/dev/sdc", 4096),
    ]


def test_a_session_whose_disk_never_came_is_ours_and_has_none(log_in):
    log_in(1, IQN, "10.0.0.2")
    assert sessions.standing(IQN) == [
        Path(Source("10.0.0.2", 3260, IQN, 1), "", 0)
    ]


def test_a_session_with_another_makers_disk_is_not_ours(log_in):
    log_in(1, CINDER, "10.0.0.1", "LIO-ORG")
    log_in(2, IQN, "10.0.0.1", "VIRTMANX")
    assert sessions.standing(CINDER) == []
    assert sessions.standing(IQN) == []
    assert sessions.targets() == set()


def test_a_host_is_logged_in_to_a_target_at_one_portal(log_in):
    log_in(1, CINDER, "10.0.0.1", "IET", "sdb")
    assert sessions.logged_in(Source("10.0.0.1", 3260, CINDER, 7))
    assert not sessions.logged_in(Source("10.0.0.2", 3260, CINDER))
    assert not sessions.logged_in(Source("10.0.0.1", 3261, CINDER))
    assert not sessions.logged_in(Source("10.0.0.1", 3260, IQN))


def test_targets_are_those_whose_disks_are_images(log_in):
    log_in(1, IQN, "10.0.0.1", "VIRTMAN")
    log_in(2, CINDER, "10.0.0.1", "LIO-ORG")
    log_in(3, CINDER + "1", "10.0.0.1")
    log_in(4, "iqn.2026-01.lab:disk", "10.0.0.1", "VIRTMAN")
    assert sessions.targets() == {IQN}


def test_a_host_without_iscsi_has_none(kernel):
    assert sessions.standing(IQN) == []
    assert sessions.targets() == set()


def test_only_names_that_we_make_are_taken_for_images(log_in, kernel):
    class Engine:
        def kept(self):
            return {"volume-kept"}

    log_in(1, IQN, "10.0.0.1", "VIRTMAN")
    log_in(2, "iqn.2026-01.lab:volume-b", "10.0.0.1", "VIRTMAN")
    log_in(3, IQN + " b", "10.0.0.1", "VIRTMAN")
    assert images.list_images(Engine()) == {"volume-a", "volume-kept"}


def test_a_session_without_a_disk_is_ended_by_its_name(kernel, tmp_path):
    done = []
    connector = Connector(tmp_path, done.append)
    connector.disconnect(Path(Source("10.0.0.2", 3260, IQN), "", 0))
    assert [call[1:] for call in kernel.called("iscsiadm")] == [
        (*NODE, "--logout"), (*NODE, "-o", "delete"),
    ]  # fmt: skip
    assert done == [f"logout ip-10.0.0.2:3260-iscsi-{IQN}-lun-1"]
