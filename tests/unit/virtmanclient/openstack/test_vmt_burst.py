# SPDX-License-Identifier: Apache-2.0
"""Launches and removals, against a cloud in memory."""

import threading

import pytest
from burst_cloud import MemoryCloud, server

from virtmanclient.openstack import server_requests
from virtmanclient.openstack.errors import CloudError, NoAnswer, Unretryable
from virtmanclient.openstack.launch import Launch
from virtmanclient.openstack.removal import Removal
from virtmanclient.openstack.request_state import Pace, State

PACE = Pace(parallel=2, poll=0.01, timeout=20)


def run(batch):
    for _ in batch.steps(0.05):
        pass
    return [record.state for record in batch.records]


def launch(cloud, count, pace=PACE):
    return Launch(cloud, server_requests.numbered("b", count), pace)


def test_all_servers_are_seen_by_one_list_a_look():
    cloud = MemoryCloud()
    batch = launch(cloud, 40)
    assert run(batch) == [State.OK] * 40
    assert sorted(cloud.asked) == sorted(f"b-{n}" for n in range(1, 41))
    assert cloud.looks < 40
    for record in batch.records:
        assert record.requested <= record.done


def test_a_server_that_is_there_is_not_asked_for():
    cloud = MemoryCloud(server("b-1"), server("b-2", "BUILD", "2"))
    batch = launch(cloud, 3)
    assert run(batch) == [State.OK] * 3
    assert cloud.asked == ["b-3"]
    assert batch.records[0].message == "was there"
    assert batch.records[0].requested is None


def test_a_server_that_is_ordered_twice_is_made_once():
    cloud = MemoryCloud()
    batch = Launch(cloud, [*server_requests.numbered("b", 2)] * 2, PACE)
    assert run(batch) == [State.OK] * 2 + [State.SKIPPED] * 2
    assert sorted(cloud.asked) == ["b-1", "b-2"]
    assert batch.records[2].message == "ordered before"


def test_one_that_its_owner_has_stopped_is_there_too():
    batch = launch(MemoryCloud(server("b-1", "SHUTOFF")), 1)
    assert run(batch) == [State.OK]
    assert batch.records[0].message == "is SHUTOFF"


def test_a_server_of_the_same_name_and_another_mark_is_another():
    cloud = MemoryCloud(server("b-1", mark="b-1 node3"))
    assert run(launch(cloud, 1)) == [State.OK]
    assert cloud.asked == ["b-1"]


def test_a_failed_build_fails_with_nova_s_words_and_spares_the_others():
    cloud = MemoryCloud()
    cloud.fate["b-2"] = ("ERROR", "No valid host was found.")
    batch = launch(cloud, 3)
    assert run(batch) == [State.OK, State.FAILED, State.OK]
    assert batch.records[1].message == "No valid host was found."


def test_after_a_hopeless_request_no_more_are_made():
    cloud = MemoryCloud()
    cloud.refuse["b-2"] = Unretryable("Quota exceeded")
    batch = launch(cloud, 50, Pace(1, 0.01, 20))
    states = run(batch)
    assert states == [State.OK, State.FAILED] + [State.SKIPPED] * 48
    assert batch.records[2].message == "not requested: see the message of b-2"


def test_a_cloud_that_answers_nobody_is_left_alone():
    cloud = MemoryCloud()
    orders_ = server_requests.numbered("b", 50)
    cloud.refuse = {one.name: NoAnswer("no answer") for one in orders_}
    del cloud.refuse["b-2"]  # one answer, and it is worth another try
    batch = Launch(cloud, orders_, Pace(1, 0.01, 20))
    states = run(batch)
    assert states[:5] == [State.FAILED, State.OK] + [State.FAILED] * 3
    assert set(states[5:]) == {State.SKIPPED}
    assert batch.records[5].message == "not requested: see the message of b-5"


def test_what_nobody_expected_is_a_failure_of_that_server():
    cloud = MemoryCloud()
    cloud.refuse["b-1"] = ZeroDivisionError("oh")
    batch = launch(cloud, 2)
    assert run(batch) == [State.FAILED, State.OK]
    assert batch.records[0].message == "ZeroDivisionError: oh"


def test_a_look_that_fails_is_told_and_made_again():
    cloud = MemoryCloud()
    batch = launch(cloud, 1)
    told = []
    for _ in batch.steps(0.05):
        if cloud.looks == 1:
            cloud.blind = [CloudError("503")]
        told.append(batch.error)
    assert "503" in told
    assert batch.records[0].state is State.OK


def test_a_cloud_that_cannot_be_looked_at_at_all_is_not_begun():
    cloud = MemoryCloud()
    cloud.blind = [CloudError("503")]
    with pytest.raises(CloudError, match="503"):
        run(launch(cloud, 1))
    assert cloud.asked == []


def test_a_server_that_is_not_done_in_time_is_late():
    cloud = MemoryCloud()
    cloud.fate["b-1"] = ("BUILD", "")
    batch = launch(cloud, 2, Pace(2, 0.01, 0.2))
    assert run(batch) == [State.LATE, State.OK]
    assert batch.records[0].message == "not done in 0.2 s; Nova goes on"


def test_a_server_that_goes_away_meanwhile_has_failed():
    cloud = MemoryCloud()
    cloud.fate["b-1"] = ("BUILD", "")
    batch = launch(cloud, 1)
    for _ in batch.steps(0.05):
        if batch.records[0].state is State.ASKED:
            cloud.there.clear()
    assert "deleted by another program" in batch.records[0].message


def test_an_interrupt_says_of_each_whether_it_was_requested():
    cloud = MemoryCloud()
    cloud.fate["b-1"] = ("BUILD", "")
    cloud.held.add("b-2")
    batch = launch(cloud, 4, Pace(1, 0.01, 20))
    for _ in batch.steps(0.05):
        if batch.records[1].state is State.ASKING:
            break
    threading.Timer(0.05, cloud.gate.set).start()
    batch.interrupt()
    assert {one.state for one in batch.records} == {State.INTERRUPTED}
    told = [one.message for one in batch.records]
    assert told == ["Nova goes on"] * 2 + ["not requested"] * 2
    assert {one.server for one in batch.records[:2]} == set(cloud.there)


def test_a_removal_takes_what_is_there_and_twice_is_no_error():
    cloud = MemoryCloud(server("b-1"), server("other", number="2"))
    batch = Removal(cloud, server_requests.numbered("b", 2), PACE)
    assert run(batch) == [State.OK, State.OK]
    assert [one.message for one in batch.records] == ["", "was not there"]
    assert cloud.asked == ["1"]


def test_a_removal_takes_twins_too():
    cloud = MemoryCloud(server("b-1"), server("b-1", number="2"))
    batch = Removal(cloud, server_requests.numbered("b", 1), PACE)
    assert run(batch) == [State.OK, State.OK]
    assert cloud.there == {}


def test_a_delete_that_fails_is_told():
    cloud = MemoryCloud(server("b-1", "ERROR"))
    cloud.refuse["b-1"] = None
    batch = Removal(cloud, server_requests.numbered("b", 1), PACE)
    assert run(batch) == [State.FAILED]
    assert batch.records[0].message.startswith("not deleted: ")


def test_only_names_with_a_number_belong_to_a_prefix():
    keys = [
        ('b-10', 'b-10'), ('b-2', 'b-2'), ('b-x', 'b-x'), ('b-01', 'b-01'),
        ('b-3', 'b-3 node'), ('bb-1', 'bb-1'), ('b-1-1', 'b-1-1'),
    ]  # fmt: skip
    found = [request.name for request in server_requests.made("b", keys)]
    assert found == ["b-2", "b-10"]


def test_hosts_are_taken_in_turn():
    found = server_requests.numbered("b", 3, ["x", "y"])
    assert [one.host for one in found] == ["x", "y", "x"]


def test_no_more_requests_are_under_way_than_were_allowed():
    cloud = MemoryCloud()
    create, lock, most, now = cloud.create, threading.Lock(), [0], [0]

    def counted(request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        # Long enough for others to come in, if they could.
        threading.Event().wait(0.01)
        with lock:
            now[0] -= 1
        return create(request)

    cloud.create = counted
    assert run(launch(cloud, 12, Pace(3, 0.01, 20))) == [State.OK] * 12
    assert 1 < most[0] <= 3
