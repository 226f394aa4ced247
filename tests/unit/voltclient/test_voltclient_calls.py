# SPDX-License-Identifier: Apache-2.0
"""What the client sends, and what it makes of the answers."""

import json

import pytest

from voltclient import Client
from voltclient.exceptions import CommunicationError
from voltclient.types import (
    Assignment,
    Beat,
    Failed,
    Image,
    Portal,
    Serving,
    Source,
)

AT = {"host": "n1", "port": "3260", "iqn": "iqn.x:v", "lun": "1"}
PEER = AT | {"status": "OK", "peer_id": "n1:v"}
IMAGE = {
    "id": "v",
    "size": 8,
    "generation": "g",
    "serial": "s",
    "digest": None,
    "sources": [AT],
}


def sent(stub):
    request, headers, body = stub.requests[-1]
    return request, headers, json.loads(body) if body else None


def test_volumes_are_listed(stub, client):
    stub.answer("GET /v1/volumes", [{"id": "v", "count": 2}])
    (volume,) = client.volumes.list()
    assert (volume.id, volume.count) == ("v", 2)
    assert volume.to_dict() == {"id": "v", "count": 2}
    assert volume == client.volumes.list()[0]
    assert repr(volume) == "Volume(id='v', count=2)"


def test_a_volume_names_what_it_does_not_know(stub, client):
    stub.answer("GET /v1/volumes", [{"id": "v", "count": 2}])
    with pytest.raises(AttributeError, match=r"'iqn'.*count"):
        client.volumes.list()[0].iqn  # noqa: B018


def test_every_call_shows_the_token_and_asks_for_json(stub, client):
    stub.answer("GET /v1/volumes", [])
    client.volumes.list()
    _, headers, _ = sent(stub)
    assert headers["X-Auth-Token"] == "secret"
    assert headers["Accept"] == "application/json"


def test_identity_headers_are_sent_along(stub):
    stub.answer("GET /v1/volumes", [])
    Client(stub.endpoint, identity_headers={"X-Tenant": "t"}).volumes.list()
    assert sent(stub)[1]["X-Tenant"] == "t"


def test_a_query_sends_what_is_given(stub, client):
    answer = {"peer_id": "n1:v", "parents": [PEER]}
    stub.answer("GET /v1/volumes/query/v", answer)
    peer_id, (parent,) = client.volumes.get("v", host="n1", lun="1")
    assert (peer_id, parent.to_dict()) == ("n1:v", PEER)
    assert sent(stub)[2] == {"host": "n1", "lun": "1"}


def test_a_query_without_anything_sends_an_empty_object(stub, client):
    stub.answer("GET /v1/volumes/query/v", {"peer_id": None, "parents": []})
    assert client.volumes.get(session_name="v") == (None, [])
    assert sent(stub)[2] == {}


def test_an_assignment_is_typed(stub, client):
    source = PEER | {"later": "versions may add keys"}
    stub.answer(
        "GET /v1/volumes/query/v",
        {"peer_id": "n2:v", "stripes": [[source]], "image": IMAGE},
    )
    told = client.volumes.assign("v", **AT)
    image = Image("v", 8, "g", "s", None, [Portal(**AT)])
    assert told == Assignment("n2:v", [[Source(**PEER)]], image)
    assert sent(stub)[2] == AT | {"accept_pending": True}


def test_a_login_sends_text(stub, client):
    stub.answer("POST /v1/volumes/v/n1%3Av", PEER)
    peer = client.volumes.login("v", "n1:v", "n1", 3260, "iqn.x:v", 1)
    assert peer.status == "OK"
    assert sent(stub)[2] == AT


def test_a_logout_names_the_peer_or_drops_the_volume(stub, client):
    for request in (
        "DELETE /v1/volumes/v/n1%3Av",
        "DELETE /v1/volumes/v?force=false",
        "DELETE /v1/volumes/v?force=true",
    ):
        stub.answer(request, b"")
    assert client.volumes.logout("v", peer_id="n1:v") is None
    client.volumes.logout("v")
    client.volumes.logout("v", force=True)
    assert [request for request, *_ in stub.requests] == list(stub.answers)


def test_a_beat_of_an_old_agent(stub, client, capsys):
    stub.answer(
        "PUT /v1/members/heartbeat", [{"peer_id": "n1:v", "parents": [PEER]}]
    )
    (told,) = client.members.heartbeat()
    assert told["peer_id"] == "n1:v"
    assert told["parents"][0].host == "n1"
    assert sent(stub)[2] == {}
    assert capsys.readouterr().out == ""


ONE = {"session_name": "v", "peer_id": "n1:v"} | AT
FAILED = {"host": "i1", "port": "3260"}
TOLD = {"peer_id": "n1:v", "parents": [], "stripes": [[]], "image": None}


def test_a_beat_says_what_is_served_as_values_or_mappings(stub, client):
    stub.answer(
        "PUT /v1/members/heartbeat", {"beat_after": 7.5, "peers": [TOLD]}
    )
    for serving in (ONE, Serving(**ONE)):
        told = client.members.beat([serving], host="n1")
        assert told == Beat(7.5, [Assignment("n1:v", [[]], None)])
        assert sent(stub)[2] == {"host": "n1", "serving": [ONE]}


def test_a_beat_says_what_cannot_be_read(stub, client):
    stub.answer("PUT /v1/members/heartbeat", {"beat_after": 5, "peers": []})
    said = ONE | {"failed": [FAILED]}
    for serving in (said, Serving(**ONE, failed=(Failed(**FAILED),))):
        assert client.members.beat([serving]) == Beat(5.0, [])
        assert sent(stub)[2] == {"serving": [said]}


def test_the_bare_list_of_an_older_volt_is_taken_too(stub, client):
    stub.answer("PUT /v1/members/heartbeat", [TOLD])
    told = client.members.beat([ONE])
    assert told == Beat(None, [Assignment("n1:v", [[]], None)])
    assert client.members.heartbeat([ONE]) == [TOLD]


def test_a_wrapped_answer_is_unwrapped_for_old_callers(stub, client):
    stub.answer(
        "PUT /v1/members/heartbeat", {"beat_after": 5, "peers": [TOLD]}
    )
    assert client.members.heartbeat([ONE]) == [TOLD]


@pytest.mark.parametrize("when", ["soon", -1, float("inf"), float("nan"), []])
def test_a_time_that_makes_no_sense_is_volts_failure(stub, client, when):
    stub.answer("PUT /v1/members/heartbeat", {"beat_after": when, "peers": []})
    with pytest.raises(CommunicationError, match="protocol"):
        client.members.beat([])


def test_who_asks_for_a_place_says_what_it_cannot_read(stub, client):
    stub.answer("GET /v1/volumes/query/v", TOLD | {"beat_after": 3})
    told = client.volumes.assign("v", **AT, failed=[Failed(**FAILED)])
    assert told.beat_after == 3.0
    asked = AT | {"accept_pending": True, "failed": [FAILED]}
    assert sent(stub)[2] == asked


def test_images_are_put_listed_shown_and_withdrawn(stub, client):
    stub.answer("PUT /v1/images/v", IMAGE)
    stub.answer("GET /v1/images/v", IMAGE)
    stub.answer("GET /v1/images", [IMAGE])
    stub.answer("DELETE /v1/images/v?host=n1&port=3260", b"", 204)
    put = client.images.put("v", size=8, generation="g", serial="s", **AT)
    assert [put] == client.images.list() == [client.images.get("v")]
    body = json.loads(stub.requests[0][2])
    facts = {"size": 8, "generation": "g", "serial": "s", "digest": None}
    assert body == facts | AT
    client.images.delete("v", "n1", "3260")


@pytest.mark.parametrize(
    "answer",
    [
        {"peer_id": "n1:v"},
        {"peer_id": "n1:v", "stripes": [[{"host": "n1"}]]},
        {"peer_id": "n1:v", "stripes": 5},
        [],
        "text",
        None,
    ],
)
def test_an_answer_that_is_not_volts_is_a_failure_of_communication(
    stub, client, answer
):
    stub.answer("GET /v1/volumes/query/v", answer)
    with pytest.raises(CommunicationError, match="protocol"):
        client.volumes.assign("v", **AT)


def test_python_in_an_answer_is_not_run(stub, client):
    stub.answer("PUT /v1/members/heartbeat", b'__import__("os").abort()')
    with pytest.raises(CommunicationError, match="not JSON"):
        client.members.heartbeat()


def test_redirections_are_followed(stub, client):
    stub.answer("GET /v1/volumes", b"", 302, Location="/elsewhere")
    stub.answer("GET /elsewhere", [])
    assert client.volumes.list() == []
