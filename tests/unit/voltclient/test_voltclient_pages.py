# SPDX-License-Identifier: Apache-2.0
"""Members and trees, and how long lists are fetched."""

import pytest

from voltclient.exceptions import CommunicationError
from voltclient.members import Member
from voltclient.trees import Tree, TreePeer


def member(host):
    return {"host": host, "age": 1.5, "due": 13.5, "peers": 2}


def peer(position):
    return {
        "peer_id": f"n{position}:v",
        "host": f"n{position}",
        "port": "3260",
        "iqn": "iqn.x:v",
        "lun": "1",
        "status": "OK",
        "member": f"n{position}",
        "position": position,
        "depth": 1,
        "parent": None,
        "age": 1.5,
    }


def tree(*positions):
    facts = {"id": "v", "count": 3, "fanout": 2, "depth": 1}
    return facts | {"peers": [peer(one) for one in positions]}


def test_members_are_fetched_page_by_page(stub, client):
    stub.answer("GET /v1/members?limit=2", [member("a"), member("b")])
    stub.answer("GET /v1/members?limit=2&marker=b", [member("c")])
    stub.answer("GET /v1/members?limit=2&marker=c", [])
    told = list(client.members.iterate(page_size=2))
    assert [one.host for one in told] == ["a", "b", "c"]
    assert told[0] == Member("a", 1.5, 13.5, 2)


def test_all_members_are_a_list(stub, client):
    stub.answer("GET /v1/members?limit=1000", [member("a")])
    stub.answer("GET /v1/members?limit=1000&marker=a", [])
    assert client.members.list() == [Member("a", 1.5, 13.5, 2)]


def test_a_tree_is_typed(stub, client):
    stub.answer("GET /v1/trees/v", tree(0, 1) | {"later": "keys are left"})
    told = client.trees.get("v")
    assert told == Tree("v", 3, 2, 1, [TreePeer(**peer(n)) for n in (0, 1)])


def test_a_tree_is_walked_page_by_page(stub, client):
    stub.answer("GET /v1/trees/v?limit=2", tree(0, 1))
    stub.answer("GET /v1/trees/v?limit=2&marker=1", tree(5))
    stub.answer("GET /v1/trees/v?limit=2&marker=5", tree())
    told = list(client.trees.iterate("v", page_size=2))
    assert [one.position for one in told] == [0, 1, 5]


def test_a_page_is_fetched_when_it_is_wanted(stub, client):
    stub.answer("GET /v1/trees/v?limit=2", tree(0, 1))
    walk = client.trees.iterate("v", page_size=2)
    next(walk), next(walk)
    assert len(stub.requests) == 1


def test_a_page_that_repeats_itself_is_no_endless_list(stub, client):
    stub.answer("GET /v1/members?limit=1", [member("a")])
    stub.answer("GET /v1/members?limit=1&marker=a", [member("a")])
    with pytest.raises(CommunicationError, match="'a' again"):
        list(client.members.iterate(page_size=1))
