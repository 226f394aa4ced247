# SPDX-License-Identifier: Apache-2.0
"""Records of open-iscsi: given a secret past every command line."""

from __future__ import annotations

import stat

import pytest

from virtman.privsep import node_record

IQN = "iqn.2010-10.org.openstack:volume-a"
RECORD = """\
# BEGIN RECORD 2.1.8
node.name = iqn.2010-10.org.openstack:volume-a
node.session.auth.authmethod = None
node.conn[0].address = 10.0.0.1
# END RECORD
"""
VALUES = {
    "node.session.auth.authmethod": "CHAP",
    "node.session.auth.password": "0123456789abcdef",
}


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    folder = tmp_path / "nodes"
    monkeypatch.setattr(node_record, "FOLDERS", (folder,))
    (folder / IQN).mkdir(parents=True)
    return folder / IQN


@pytest.mark.parametrize("name", ["10.0.0.1,3260", "10.0.0.1,3260,1/default"])
def test_values_are_replaced_or_added_and_the_rest_stays(nodes, name):
    file = nodes / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(RECORD)
    assert node_record.write(IQN, "10.0.0.1,3260", VALUES) == 1
    assert (
        file.read_text()
        == """\
# BEGIN RECORD 2.1.8
node.name = iqn.2010-10.org.openstack:volume-a
node.conn[0].address = 10.0.0.1
node.session.auth.authmethod = CHAP
node.session.auth.password = 0123456789abcdef
# END RECORD
"""
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in nodes.iterdir()] == [name.split("/")[0]]


def test_a_record_of_another_portal_is_left_alone(nodes):
    for name in ("10.0.0.10,3260", "10.0.0.1,32600"):
        (nodes / name).write_text(RECORD)
    assert node_record.write(IQN, "10.0.0.1,3260", VALUES) == 0
    assert {file.read_text() for file in nodes.iterdir()} == {RECORD}


def test_a_target_without_records_has_none(nodes):
    assert node_record.write(IQN + "2", "10.0.0.1,3260", VALUES) == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "## comment\nInitiatorName=iqn.2026-01.lab:n1\n",
            "iqn.2026-01.lab:n1",
        ),
        ("GenerateName=yes\n", ""),
        (None, ""),
    ],
)
def test_the_initiator_s_name_is_that_of_its_file(
    tmp_path, monkeypatch, text, name
):
    file = tmp_path / "initiatorname.iscsi"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(node_record, "NAME", file)
    assert node_record.initiator() == name
