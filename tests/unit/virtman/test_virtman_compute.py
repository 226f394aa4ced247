# SPDX-License-Identifier: Apache-2.0
"""The contract's strings, word for word, over a node that is made up."""

from __future__ import annotations

import pytest

from virtman.compute import Virtman
from virtman.exception import (
    AlreadyExists,
    InUse,
    InvalidRequest,
    NoSource,
    NotFound,
)
from virtman.instance.cow_usage import State
from virtman.instance.request import (
    DiskRequest,
    GivenDevice,
    OwnFile,
    Writes,
)
from virtman.instance.snapshot import Instance
from virtman.node.node import Creation
from virtman.path import Login, Source
from virtman.targets.imageservice import ImageTarget

IQN = "iqn.2010-10.org.openstack:volume-a"
CONNECTION = {
    "target_portal": "10.0.0.1:3260", "target_iqn": IQN, "target_lun": 1,
}  # fmt: skip
FILE = "/images/a.raw"


class FakeNode:
    """Instances in a dict; ``error`` is what every verb runs into."""

    def __init__(self):
        self.there = {}
        self.asked = []
        self.deactivated = []
        self.error = None
        self.broken = {}

    def create(self, request):
        self._maybe_fail()
        self.asked.append(request)
        name = request.instance
        existed = name in self.there
        self.there.setdefault(name, Instance(name, f"volume-{request.image}"))
        return Creation(self.there[name], created=not existed)

    def destroy(self, name):
        self._maybe_fail()
        return self.there.pop(name, None) is not None

    def deactivate(self, name):
        self._maybe_fail()
        self.deactivated.append(name)
        return name in self.there

    def instances(self):
        return list(self.there.values())

    def broken_stores(self):
        return self.broken

    def _maybe_fail(self):
        if self.error:
            raise self.error


class FakeImages:
    """One answer or one error for every verb."""

    def __init__(self):
        self.error = None
        self.asked = []

    def create(self, *arguments):
        self._maybe_fail()
        self.asked.append(arguments)
        return ImageTarget("volume-a", 3, "/dev/loop5", IQN)

    def destroy(self, name):
        self._maybe_fail()

    def targets(self):
        return [
            ImageTarget("volume-a", 3, "/dev/loop5", IQN),
            ImageTarget("volume-b", 4, "/dev/loop6", IQN),
        ]

    def _maybe_fail(self):
        if self.error:
            raise self.error


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
def images():
    return FakeImages()


@pytest.fixture
def virtman(node, images):
    return Virtman(node, images, None)


def test_a_create_answers_with_the_device(virtman, node):
    answer = virtman.create("vm1", "a", CONNECTION)
    assert answer == "0:/dev/mapper/snapshot_vm1"
    source = Source("10.0.0.1", 3260, IQN, 1)
    assert node.asked == [
        DiskRequest("vm1", "a", (source,), OwnFile(), Writes.DISCARD)
    ]


def test_a_device_for_the_writes_is_handed_on(virtman, node):
    virtman.create("vm1", "a", [CONNECTION], "/dev/sdb")
    virtman.create("vm2", "a", (CONNECTION,), "")
    devices = [request.cow for request in node.asked]
    assert devices == [GivenDevice("/dev/sdb"), OwnFile()]


def test_the_tutorial_s_create_begins_anew_and_nova_s_loses_nothing(
    virtman, node, images
):
    virtman.create("vm1", "a", CONNECTION, "/dev/sdb")
    nova = Virtman(node, images, None, openstack_compatible=True)
    nova.create("vm1", "a", CONNECTION, "/dev/sdb")
    writes = [request.writes for request in node.asked]
    assert writes == [Writes.DISCARD, Writes.DETECT]


def test_a_second_create_says_that_it_exists(virtman):
    virtman.create("vm1", "a", CONNECTION)
    assert virtman.create("vm1", "a", CONNECTION) == (
        "1:Virtman: the instance_name 'vm1' already exists!"
    )


def test_a_destroy_says_nothing_more_than_that_it_did(virtman):
    virtman.create("vm1", "a", CONNECTION)
    assert virtman.destroy("vm1") == "0:"


def test_a_destroy_of_nothing_says_that_it_does_not_exist(virtman):
    assert virtman.destroy("vm1") == (
        "1:Virtman: the instance_name 'vm1' does not exist!"
    )


def test_instances_are_listed_with_their_image(virtman):
    assert virtman.list() == []
    virtman.create("vm1", "a", CONNECTION)
    virtman.create("vm2", "b", CONNECTION)
    assert virtman.list() == ["vm1:volume-a", "vm2:volume-b"]


def test_an_instance_that_cannot_be_written_to_is_marked_in_the_list(
    virtman, node
):
    for name in ("vm1", "vm2", "vm3"):
        virtman.create(name, "a", CONNECTION)
    node.broken = {"vm2": State.FULL, "vm3": State.INVALID}
    assert virtman.list() == [
        "vm1:volume-a", "vm2:volume-a full", "vm3:volume-a invalid",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "connections", [None, [], {}, "10.0.0.1:3260", [{"target_lun": 1}]]
)
def test_bad_connections_are_the_callers_fault(virtman, node, connections):
    answer = virtman.create("vm1", "a", connections)
    assert answer.startswith("2:Virtman: ")
    assert "connection" in answer
    assert node.asked == []


def test_a_volume_to_log_in_to_is_handed_on_with_what_it_asks_for(
    virtman, node
):
    chap = {"auth_method": "CHAP", "auth_username": "u", "auth_password": "p"}
    virtman.create("vm1", "a", CONNECTION, CONNECTION | chap, True)
    (request,) = node.asked
    assert request.cow == Source("10.0.0.1", 3260, IQN, 1)
    assert request.cow.login == Login("u", "p")
    assert request.writes is Writes.KEEP


def test_half_a_volume_is_refused(virtman, node):
    answer = virtman.create("vm1", "a", CONNECTION, {"target_portal": "x"})
    assert answer.startswith("2:Virtman: ")
    assert "target_iqn" in answer
    assert node.asked == []


@pytest.mark.parametrize("snapshot", [7, ["/dev/sdb"]])
def test_a_snapshot_device_that_is_no_path_is_refused(virtman, node, snapshot):
    answer = virtman.create("vm1", "a", CONNECTION, snapshot)
    assert answer.startswith("2:Virtman: snapshot must be the path")
    assert node.asked == []


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (NoSource("volume-a: no source answered"), "2:Virtman: volume-a: no "
         "source answered"),
        (InUse("snapshot_vm1 is in use"), "2:Virtman: snapshot_vm1 is in use"),
        (InvalidRequest("the name is bad"), "2:Virtman: the name is bad"),
    ],
)  # fmt: skip
def test_a_failure_is_a_two_with_its_reason(virtman, node, error, answer):
    node.error = error
    assert virtman.create("vm1", "a", CONNECTION) == answer
    assert virtman.destroy("vm1") == answer


@pytest.mark.parametrize("error", [KeyError("x"), OSError(28, "No space")])
def test_a_fault_of_ours_is_a_two_without_a_traceback_which_is_in_the_log(
    virtman, node, images, caplog, error
):
    node.error = images.error = error
    wanted = "internal error, see the agent's log"
    assert virtman.create("vm1", "a", CONNECTION) == f"2:Virtman: {wanted}"
    assert virtman.destroy("vm1") == f"2:Virtman: {wanted}"
    prefix = "2:Virtman: Image Service: "
    assert virtman.create_image_target("a", FILE) == prefix + wanted
    assert virtman.destroy_image_target("a") == prefix + wanted
    assert caplog.text.count("Traceback") == 4


def test_an_image_target_answers_with_its_id_and_its_loop_device(
    virtman, images
):
    assert virtman.create_image_target("a", FILE) == "0:3:/dev/loop5"
    virtman.create_image_target("a", FILE, "/dev/loop5", "iqn.2026-01.lab:")
    assert images.asked == [
        ("a", FILE, None, "iqn.2010-10.org.openstack:"),
        ("a", FILE, "/dev/loop5", "iqn.2026-01.lab:"),
    ]


def test_an_image_name_that_is_taken_is_a_one_in_the_contracts_words(
    virtman, images
):
    images.error = AlreadyExists("image_name = volume-a exists")
    assert virtman.create_image_target("a", FILE) == (
        "1:Virtman: Image Service: Warning! image_name = volume-a exists! "
        "Please use another name"
    )


def test_an_image_file_that_is_missing_is_a_two_in_the_contracts_words(
    virtman, images
):
    images.error = InvalidRequest(f"image file_path = {FILE} not exists")
    assert virtman.create_image_target("a", FILE) == (
        f"2:Virtman: Image Service: Warning! image file_path = {FILE} not "
        "exists! Please use another image file"
    )


def test_a_bad_image_name_does_not_ask_for_another_file(virtman, images):
    images.error = InvalidRequest("the image name 'a b' is not usable")
    assert virtman.create_image_target("a b", FILE) == (
        "2:Virtman: Image Service: the image name 'a b' is not usable"
    )


def test_an_image_target_that_is_destroyed_is_a_bare_zero(virtman):
    assert virtman.destroy_image_target("a") == "0:"


def test_an_image_target_that_is_not_there_is_a_one_in_the_contracts_words(
    virtman, images
):
    images.error = NotFound("image_name = volume-a not exists")
    assert virtman.destroy_image_target("a") == (
        "1:Virtman: Image Service: Warning! image_name = volume-a not exists!"
    )


def test_an_image_target_in_use_is_a_two(virtman, images):
    images.error = InUse("target x still serves y")
    assert virtman.destroy_image_target("a") == (
        "2:Virtman: Image Service: target x still serves y"
    )


def test_image_targets_are_a_list_of_name_id_and_loop_device(virtman):
    assert virtman.list_image_target() == [
        "volume-a:3:/dev/loop5", "volume-b:4:/dev/loop6",
    ]  # fmt: skip


# As Nova needs it.


@pytest.fixture
def openstack(node):
    return Virtman(node, FakeImages(), None, openstack_compatible=True)


def test_for_openstack_the_same_create_gives_the_same_answer(openstack):
    for _ in range(2):
        answer = openstack.create("vm1", "a", CONNECTION)
        assert answer == "0:/dev/mapper/snapshot_vm1"


@pytest.mark.parametrize("connections", [CONNECTION, [CONNECTION] * 2,
                                         (CONNECTION,)])  # fmt: skip
def test_connections_are_a_dict_a_list_or_a_tuple(
    openstack, node, connections
):
    assert openstack.create("vm1", "a", connections).startswith("0:")
    assert {source.host for source in node.asked[0].connections} == {
        "10.0.0.1"
    }


def test_for_openstack_a_name_that_is_another_images_is_refused(
    openstack, node
):
    node.error = AlreadyExists("the instance vm1 is one of volume-b")
    answer = openstack.create("vm1", "a", CONNECTION)
    assert answer == "1:Virtman: the instance_name 'vm1' already exists!"


def test_for_openstack_destroy_keeps_the_data_and_purge_removes_it(
    openstack, node
):
    openstack.create("vm1", "a", CONNECTION)
    assert openstack.destroy("vm1") == "0:"
    assert (node.deactivated, list(node.there)) == (["vm1"], ["vm1"])
    assert openstack.purge("vm1") == "0:"
    assert node.there == {}


def test_for_openstack_what_does_not_exist_is_destroyed_already(openstack):
    assert openstack.destroy("vm1") == "0:"
    assert openstack.purge("vm1") == "0:"
