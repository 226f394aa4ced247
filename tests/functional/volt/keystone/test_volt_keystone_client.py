# SPDX-License-Identifier: Apache-2.0
"""voltclient with sessions of a real keystone."""

import dataclasses
import datetime

import pytest
from keystoneauth1.session import Session
from keystoneauth1.token_endpoint import Token

from virtman import conf
from virtman.cmd import agent
from virtman.model import PeerAddress
from voltclient import Client, exceptions

AT = {"host": "n7", "port": "3260", "iqn": "iqn.2026-01.x:v", "lun": "1"}


def test_an_agent_joins_beats_and_leaves(behind_keystone, keystone):
    volt = Client(
        behind_keystone.endpoint, session=keystone.session("virtman")
    )
    told = volt.volumes.assign("v", **AT)
    assert told.peer_id == "n7:v"
    serving = {"session_name": "v", "peer_id": "n7:v", **AT}
    assert [one.peer_id for one in volt.members.beat([serving]).peers] == [
        "n7:v"
    ]
    volt.volumes.logout("v", "n7:v")
    with pytest.raises(exceptions.HTTPForbidden, match="volt:volumes:list"):
        volt.volumes.list()


def test_a_session_outlives_its_token(behind_keystone, keystone):
    session = keystone.admin()
    volt = Client(behind_keystone.endpoint, session=session)
    before = session.get_token()
    keystone.revoke(before)
    assert volt.volumes.list() == []
    assert session.get_token() != before


def test_a_token_that_ends_is_renewed_before(behind_keystone, keystone):
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90)
    session = keystone.short_lived(
        keystone.session("virtman"), ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    )
    volt = Client(behind_keystone.endpoint, session=session)
    shown = set()
    for _ in range(2):
        volt.images.list()
        shown.add(session.auth.auth_ref.auth_token)
    assert len(shown) == 2


def test_credentials_that_keystone_refuses_are_told(behind_keystone, keystone):
    session = keystone.session("nobody")
    with pytest.raises(exceptions.TokenUnavailable, match="authentication"):
        Client(behind_keystone.endpoint, session=session).volumes.list()


def test_a_session_without_a_way_to_log_in_is_told(behind_keystone):
    with pytest.raises(exceptions.TokenUnavailable):
        Client(behind_keystone.endpoint, session=Session()).volumes.list()


def test_a_session_whose_token_is_no_good_is_refused(behind_keystone):
    session = Session(Token(behind_keystone.endpoint, "nonsense"))
    with pytest.raises(exceptions.HTTPUnauthorized):
        Client(behind_keystone.endpoint, session=session).volumes.list()


def test_an_agent_logs_in_as_its_file_says(
    behind_keystone, keystone, tmp_path
):
    file = tmp_path / "virtman.conf"
    file.write_text(
        f"[DEFAULT]\nhost_ip = 10.0.0.7\nmaster_ip = 127.0.0.1\n"
        f"master_port = {behind_keystone.port}\n"
        f"[volt]\nauth_type = password\nauth_url = {keystone.url}\n"
        f"username = virtman\npassword = {keystone.password}\n"
        "user_domain_name = Default\nproject_name = service\n"
        "project_domain_name = Default\n"
    )
    settings = conf.settings(conf.parse([f"--config-file={file}"]))
    master = agent._coordinator(settings)
    peer = PeerAddress(
        "volume-a", settings.host_ip, 3260, "iqn.2026-01.x:a", 1
    )
    told = master.assign(peer)
    assert told.peer_id == "10.0.0.7:volume-a"
    taken = dataclasses.replace(peer, peer_id=told.peer_id)
    master.register(taken)
    assert master.leave(taken)
