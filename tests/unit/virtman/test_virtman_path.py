# SPDX-License-Identifier: Apache-2.0
"""Sources: portals and connections as callers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtman import path, quoting
from virtman.exception import InvalidRequest
from virtman.path import Source

IQN = "iqn.2010-10.org.openstack:volume-a"
ONE = {
    "target_portal": "10.0.0.1:3260", "target_iqn": IQN, "target_lun": 1,
}  # fmt: skip
hosts = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["node1", "a-b.example.org"])
)


@pytest.mark.parametrize(
    ("portal", "host", "port"),
    [("10.0.0.1:3260", "10.0.0.1", 3260), ("10.0.0.1", "10.0.0.1", 3260),
     ("node1:13260", "node1", 13260), ("[fe80::1]:3261", "fe80::1", 3261),
     ("[2001:db8::7]", "2001:db8::7", 3260)],
)  # fmt: skip
def test_a_portal_is_read_with_and_without_a_port(portal, host, port):
    assert path.split_portal(portal) == (host, port)


@given(hosts, st.integers(1, 65535))
def test_a_portal_that_a_source_writes_is_read_back(host, port):
    assert path.split_portal(Source(host, port, IQN).portal) == (host, port)


@pytest.mark.parametrize(
    "portal",
    ["", ":3260", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1",
     "10.0.0.1:http", "10.0.0.1:32 60", "10.0.0.1:²", "[]:3260", None, 7,
     "10.0.0.1 :3260", "10.0.0.1\n:3260", "a/b:3260", "a;b", "fe80::1",
     "[fe80::1%-f]", "[fe80::1% -x]", "[fe80::1%a;b]:3260", "h" * 254,
     "fe80::1:3260", "[fe80::1:3260", "fe80::1]:3260", "[10.0.0.1:3260]"],
)  # fmt: skip
def test_a_portal_that_is_none_is_refused_and_shown(portal):
    with pytest.raises(InvalidRequest) as refused:
        path.from_connection(ONE | {"target_portal": portal})
    assert quoting.quoted(portal) in str(refused.value)


def test_a_zone_of_an_address_is_kept():
    assert path.split_portal("[fe80::1%eth0.5]:1") == ("fe80::1%eth0.5", 1)


def test_no_more_image_servers_than_an_intent_keeps():
    with pytest.raises(InvalidRequest, match=r"65 image servers.* 64"):
        path.from_connections([ONE] * 65)


def test_one_connection_may_stand_alone_or_in_a_list_or_a_tuple():
    wanted = [Source("10.0.0.1", 3260, IQN, 1)]
    assert path.from_connections(ONE) == wanted
    assert path.from_connections([ONE]) == wanted
    assert path.from_connections((ONE,)) == wanted


def test_several_connections_keep_their_order():
    other = ONE | {"target_portal": "10.0.0.2:3260"}
    sources = path.from_connections((other, ONE))
    assert [source.host for source in sources] == ["10.0.0.2", "10.0.0.1"]


def test_a_number_may_be_written_as_text_and_unknown_keys_are_let_be():
    source = path.from_connection(
        ONE | {"target_lun": "2", "auth_username": "u"}
    )
    assert source.lun == 2


@pytest.mark.parametrize("missing", sorted(ONE))
def test_a_connection_without_one_of_its_keys_is_refused(missing):
    cut = {key: value for key, value in ONE.items() if key != missing}
    with pytest.raises(InvalidRequest, match=missing):
        path.from_connections([ONE, cut])


@pytest.mark.parametrize("lun", ["", "x", None, -1, 1.5, [1], "0x1"], ids=repr)
def test_a_lun_that_is_no_number_is_refused(lun):
    with pytest.raises(InvalidRequest, match="target_lun"):
        path.from_connection(ONE | {"target_lun": lun})


@pytest.mark.parametrize(
    "iqn",
    [
        "",
        None,
        "volume-a",
        "iqn.x y",
        "-o new",
        "iqn.2010-10.org:a\nb",
        "iqn.\u0968\u0966\u0967\u0966-10.org:a",
    ],
)
def test_a_target_name_that_is_none_is_refused(iqn):
    with pytest.raises(InvalidRequest, match="target_iqn"):
        path.from_connection(ONE | {"target_iqn": iqn})


@pytest.mark.parametrize(
    "bad", [None, 7, "10.0.0.1:3260", b"x", [], (), {}, [None], ["x"], [[ONE]]]
)
def test_what_is_no_connection_at_all_is_refused(bad):
    with pytest.raises(InvalidRequest, match="connection"):
        path.from_connections(bad)


def test_a_source_is_named_as_its_link_under_by_path_would_be():
    source = Source("fe80::1", 3260, IQN)
    assert str(source) == f"ip-[fe80::1]:3260-iscsi-{IQN}-lun-1"


CHAP = {
    "target_portal": "10.0.0.1", "target_iqn": "iqn.2010-10.org.openstack:v",
    "target_lun": 1, "auth_method": "CHAP", "auth_username": "cinder",
    "auth_password": "a-secret-of-cinder",
}  # fmt: skip


def test_what_a_target_asks_for_is_read_and_makes_no_other_source():
    source = path.from_connection(CHAP)
    assert (source.login.user, source.login.secret) == (
        "cinder", "a-secret-of-cinder",
    )  # fmt: skip
    plain = {key: CHAP[key] for key in CHAP if not key.startswith("auth")}
    other = path.from_connection(plain)
    assert other.login is None
    assert other == source
    assert "a-secret" not in repr(source)
    for both in ([other, source], [source, other]):
        assert [item.login for item in path.unique(both)] == [source.login]


@pytest.mark.parametrize(
    "change",
    [
        {"auth_method": "NONE"},
        {"auth_username": None},
        {"auth_password": "a-secret\nnode.name = x"},
        {"target_portal": None},
        {"target_iqn": "x"},
    ],
)
def test_no_refusal_shows_a_secret(change):
    with pytest.raises(InvalidRequest) as failed:
        path.from_connection(CHAP | change)
    assert "a-secret" not in str(failed.value)
    missing = {key: CHAP[key] for key in CHAP if key != "target_lun"}
    with pytest.raises(InvalidRequest) as failed:
        path.from_connection(missing)
    assert "a-secret" not in str(failed.value)
