# SPDX-License-Identifier: Apache-2.0
"""A login that brings no disk is made once."""

from __future__ import annotations

import pytest
from os_brick import exception
from os_brick.initiator.connectors import iscsi

from virtman.drivers.brick.login import OneLogin

PROPERTIES = {
    "target_portal": "10.0.0.1:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-image1",
    "target_lun": 1,
}


@pytest.fixture
def logins(monkeypatch):
    """Count os-brick's logins; each brings the disks that are put here."""
    made = {"count": 0, "disks": []}

    def login(self, rescans, props, data):
        made["count"] += 1
        data["found_devices"] = list(made["disks"])

    monkeypatch.setattr(iscsi.ISCSIConnector, "_connect_vol", login)
    monkeypatch.setattr(
        iscsi.ISCSIConnector, "_cleanup_connection", lambda *a, **k: None
    )
    return made


def test_a_login_without_a_disk_fails_at_once(logins):
    connector = OneLogin(root_helper="", use_multipath=False)
    with pytest.raises(exception.BrickException):
        connector._connect_single_volume(PROPERTIES)
    assert logins["count"] == 1


def test_a_login_with_a_disk_gives_it(logins, monkeypatch):
    logins["disks"] = ["sda"]
    connector = OneLogin(root_helper="", use_multipath=False)
    monkeypatch.setattr(
        connector._linuxscsi, "get_sysfs_wwn", lambda disks: "wwn"
    )
    properties = connector._connect_single_volume(PROPERTIES)
    assert properties["path"] == "/dev/sda"
    assert logins["count"] == 1
