# SPDX-License-Identifier: Apache-2.0
"""voltclient against a volt that is served on a real socket."""

import concurrent.futures

import pytest

from voltclient import Client
from voltclient.exceptions import (
    HTTPBadRequest,
    HTTPConflict,
    HTTPNotFound,
    HTTPOverLimit,
)
from voltclient.types import Assignment, Image, Portal, Serving, Source

IQN = "iqn.2010-10.org.openstack:volume-a"
AT = {"port": "3260", "iqn": IQN, "lun": "1"}


@pytest.fixture(autouse=True)
def empty(client):
    yield
    for volume in client.volumes.list():
        client.volumes.logout(volume.id, force=True)
    for image in client.images.list():
        for source in image.sources:
            client.images.delete(image.id, source.host, source.port)


def serving(name, volume="volume-a"):
    return Serving(volume, f"{name}:{volume}", name, **AT)


def test_an_old_agents_day(client):
    peer_id, parents = client.volumes.get("volume-a", host="n1", **AT)
    assert (peer_id, parents) == ("n1:volume-a", [])
    peer = client.volumes.login("volume-a", peer_id, "n1", 3260, IQN, 1)
    assert peer.to_dict() == {
        "host": "n1",
        "port": "3260",
        "iqn": IQN,
        "lun": "1",
        "status": "OK",
        "peer_id": "n1:volume-a",
    }
    (volume,) = client.volumes.list()
    assert (volume.id, volume.count) == ("volume-a", 1)
    assert client.volumes.list("volume-a") == [peer]
    client.volumes.logout("volume-a", peer_id)
    assert client.volumes.list() == []


def test_without_a_host_the_node_is_the_address_it_comes_from(client):
    peer_id, _ = client.volumes.get("volume-a")
    assert peer_id == "127.0.0.1:volume-a"
    (told,) = client.members.heartbeat()
    assert told == {"peer_id": "127.0.0.1:volume-a", "parents": []}


def test_no_place_is_no_peer_id(client):
    for name in ("n1", "n2"):
        client.volumes.get("volume-a", host=name)
    peer_id, (nobody,) = client.volumes.get("volume-a", host="n3")
    assert peer_id is None
    assert nobody.to_dict() == {"peer_id": None}


def test_an_agents_day(client):
    client.images.put(
        "volume-a", size=8, generation="g", serial="s", host="i1", **AT
    )
    image = Image("volume-a", 8, "g", "s", None, [Portal("i1", **AT)])
    server = Source("i1", **AT, status="OK", peer_id=None)
    told = client.volumes.assign("volume-a", "n1", **AT)
    assert told == Assignment("n1:volume-a", [[server]], image, 5.0)
    client.volumes.assign("volume-a", "n2", **AT)
    told = client.volumes.assign("volume-a", "n3", **AT)
    parent = Source("n1", **AT, status="pending", peer_id="n1:volume-a")
    assert told.stripes == [[parent, server]]
    client.members.beat([serving("n1")])
    client.members.beat([serving("n2")])
    (told,) = client.members.beat([serving("n3")]).peers
    assert [one.host for one in told.stripes[0]] == ["n1", "n2", "i1"]
    assert {one.status for one in told.stripes[0]} == {"OK"}


def test_a_beat_before_anything_is_served_keeps_the_reservation(client):
    client.volumes.assign("volume-a", "n1", **AT)
    (told,) = client.members.beat([], host="n1").peers
    assert told.peer_id == "n1:volume-a"


def test_a_beat_as_dicts(client):
    (told,) = client.members.heartbeat([serving("n1")])
    assert told["peer_id"] == "n1:volume-a"
    assert told["stripes"] == [[]]


def test_images(client):
    put = {"size": 8, "generation": "g", "serial": "s"}
    client.images.put("volume-a", **put, host="i1", **AT)
    image = client.images.put("volume-a", **put, host="i2", **AT)
    assert [one.host for one in image.sources] == ["i1", "i2"]
    assert client.images.get("volume-a") == image
    with pytest.raises(HTTPConflict) as refused:
        client.images.put("volume-a", **put | {"size": 9}, host="i3", **AT)
    assert refused.value.error_code == "image_mismatch"
    client.images.delete("volume-a", "i1", "3260")
    client.images.delete("volume-a", "i2", "3260")
    assert client.images.list() == []
    with pytest.raises(HTTPNotFound, match="volume-a"):
        client.images.get("volume-a")


@pytest.mark.parametrize(
    "name", ["a/b", "ä€", "a:b", "q?x=1#f%41;'\"", "query", "..."]
)
def test_any_printable_name_of_a_volume(client, name):
    host = "fe80::1"
    told = client.volumes.assign(name, host, **AT)
    assert told.peer_id == f"{host}:{name}"
    assert [one.id for one in client.volumes.list()] == [name]
    client.volumes.login(name, told.peer_id, host, **AT)
    client.volumes.logout(name, told.peer_id)
    assert client.volumes.list() == []


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_vanish_from_a_path_are_refused(client, name):
    with pytest.raises(HTTPBadRequest):
        client.volumes.list(name)


def test_errors_come_with_code_message_and_request_id(client):
    with pytest.raises(HTTPNotFound) as refused:
        client.volumes.logout("nosuch", "peer")
    assert refused.value.code == 404
    assert refused.value.error_code == "volume_not_found"
    assert refused.value.request_id.startswith("req-")
    assert "nosuch" in refused.value.details


def test_a_volume_in_use_is_not_dropped(client):
    client.members.beat([serving("n1")])
    with pytest.raises(HTTPConflict, match="force"):
        client.volumes.logout("volume-a")


def test_a_long_name_is_refused(client):
    with pytest.raises(HTTPBadRequest, match="255"):
        client.volumes.get("x" * 10_000)


def test_a_large_body_is_refused(client):
    with pytest.raises(HTTPOverLimit):
        client.members.beat([serving("n1")] * 600)


def test_many_threads_share_one_client(client):
    def join(number):
        return client.volumes.assign("volume-a", f"n{number}", **AT).peer_id

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        placed = set(pool.map(join, range(40)))
    assert len(placed) == 40
    assert client.volumes.list()[0].count == 40


def test_the_originals_ways_to_the_names():
    import voltclient.common.exception as exception
    import voltclient.v1.client

    assert voltclient.v1.client.Client is Client
    assert exception.HTTPNotFound is HTTPNotFound


def test_an_agent_that_tells_its_initiator_is_admitted(client):
    client.images.put(
        "volume-a", size=8, generation="g", serial="s", host="i1", **AT
    )
    me = "iqn.2026-01.lab:n1"
    told = client.volumes.assign("volume-a", "n1", **AT, initiator=me)
    ((server,),) = told.stripes
    assert server.ticket.user.startswith(f"virtman:{me}/")
    assert server.ticket.secret not in repr(told)
    beat = client.members.beat([], host="n1", port="3260", initiator=me)
    assert beat.admission.key == told.admission.key
    assert beat.peers[0].stripes[0][0].ticket != server.ticket
