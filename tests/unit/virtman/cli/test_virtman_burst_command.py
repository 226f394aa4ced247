# SPDX-License-Identifier: Apache-2.0
"""``virtman burst`` on its command line; the run is tried elsewhere."""

from __future__ import annotations

import json

import pytest

from virtman.cmd import host
from virtmanclient.openstack import access
from virtmanclient.openstack.cloud import Image, Server


class Cloud:
    """One that has what it is asked for."""

    def __init__(self):
        self.there = []

    def image(self, name):
        return Image(name, 1)

    def flavor(self, name):
        return name

    network = flavor

    def servers(self):
        return [*self.there]

    def create(self, order):
        self.there.append(Server(order.name, order.key, "ACTIVE", "h1"))
        return order.name

    def delete(self, server):
        self.there = [item for item in self.there if item.id != server]


@pytest.fixture
def cloud(monkeypatch):
    made = Cloud()
    monkeypatch.setattr(access, "connect", lambda name: made)
    return made


def burst(*words):
    return host.main(["burst", "--poll=0.01", *words])


def test_a_burst_prints_a_row_a_server(cloud, capsys):
    assert burst("i", "2", "--flavor=f", "-f", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["server"] for row in rows] == ["burst-1", "burst-2"]


def test_a_part_of_them_can_be_taken_away(cloud, capsys):
    burst("i", "3", "--flavor=f")
    assert burst("i", "2", "--delete") == 0
    assert [server.id for server in cloud.there] == ["burst-3"]
    assert burst("--delete") == 0
    assert cloud.there == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "IMAGE or COUNT is missing"),
        (("i",), "IMAGE or COUNT is missing"),
        (("i", "2"), "no flavor is given"),
        (("i", "2", "--flavor=f", "--no-volume", "--volume-size=1"), "volume"),
    ],
)
def test_what_makes_no_sense_is_a_wrong_call(cloud, capsys, words, reason):
    assert burst(*words) == 2
    assert reason in capsys.readouterr().err
    assert cloud.there == []


def test_a_count_of_none_is_a_wrong_call(capsys):
    with pytest.raises(SystemExit) as ended:
        burst("i", "0", "--flavor=f")
    assert ended.value.code == 2
