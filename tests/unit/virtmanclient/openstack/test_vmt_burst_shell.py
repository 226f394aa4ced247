# SPDX-License-Identifier: Apache-2.0
"""What a user of a burst sees, and what Nova is sent."""

import io
import json
import types

import pytest
from burst_cloud import MemoryCloud, server

from virtmanclient import vmtrun
from virtmanclient.batch import plan
from virtmanclient.openstack import (
    access,
    jobs,
    nodelist,
    report,
    server_requests,
)
from virtmanclient.openstack.cloud import Cloud, Image
from virtmanclient.openstack.errors import NoAnswer, translated
from virtmanclient.openstack.progress import REMINDER, Line
from virtmanclient.openstack.request_state import Record, State
from virtmanclient.openstack.server_requests import Boot, ServerRequest, Volume


class Terminal(io.StringIO):
    def isatty(self):
        return True


RECORDS = [
    Record(ServerRequest("b-1"), State.OK, "id", "h1", 0.5, 2.25),
    Record(
        ServerRequest("b-2", "h2"), State.FAILED, done=1.0, message="no\nroom"
    ),
    Record(ServerRequest("b-3"), State.ASKED),
]


def test_on_a_terminal_one_line_is_drawn_again_and_again(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    line = Line(stream)
    line.show(RECORDS, 12.3)
    line.show(RECORDS, 13.0, "no answer" * 20)
    line.close()
    first, second, last = stream.getvalue().split("\r")[1:]
    told = "12 s, 3 servers: 1 done, 1 failed, 1 at work\033[K"
    assert first == told
    assert len(second.removesuffix("\033[K")) == 59
    assert last == "\033[K"
    assert "\n" not in stream.getvalue()


def test_elsewhere_the_line_comes_from_time_to_time():
    stream = io.StringIO()
    line = Line(stream)
    for seconds in (1, REMINDER, REMINDER + 1, 2 * REMINDER):
        line.show(RECORDS, seconds)
    assert [text.split()[0] for text in stream.getvalue().splitlines()] == [
        '15', '30',
    ]  # fmt: skip


def test_the_table_has_a_row_a_server_and_the_times():
    head, first, second, _ = report.table(RECORDS).splitlines()
    assert head.split() == [*report.COLUMNS]
    assert first.split() == ["b-1", "h1", "ok", "0.5", "2.2"]
    assert second.split() == ["b-2", "h2", "failed", "1.0", "no", "room"]
    assert report.verdict(RECORDS, 9) == (
        "1 of 3 servers ok, 1 asked, 1 failed; 9.0 s"
    )


class Nova:
    """The part of a novaclient that is asked, writing down how."""

    def __init__(self, pages=()):
        self.servers = self.client = self.hypervisors = self
        self.pages = [*pages]
        self.sent = []

    def create(self, name, **request):
        self.sent.append((name, request))
        return types.SimpleNamespace(id="id")

    def get(self, url):
        self.sent.append(url)
        return None, self.pages.pop(0)

    def list(self):
        service = {"host": "compute-1"}
        return [types.SimpleNamespace(host_ip="10.0.0.3", service=service)]


def test_nova_is_asked_for_a_volume_of_the_image_on_that_host():
    nova = Nova()
    boot = Boot("image", "flavor", Volume(3, "virtman"), "net", "key")
    Cloud(nova, None, {}).create(ServerRequest("b-1", "h1", boot))
    [(name, request)] = nova.sent
    assert name == "b-1"
    assert request == {
        "image": None,
        "flavor": "flavor",
        "nics": [{"net-id": "net"}],
        "block_device_mapping_v2": [
            {
                "source_type": "image",
                "destination_type": "volume",
                "uuid": "image",
                "boot_index": 0,
                "volume_size": 3,
                "volume_type": "virtman",
                "delete_on_termination": True,
            }
        ],
        "key_name": "key",
        "host": "h1",
        "tags": [server_requests.TAG],
        "meta": {server_requests.MARK: "b-1"},
    }


def test_without_a_volume_nova_is_asked_for_the_image():
    nova = Nova()
    Cloud(nova, None, {}).create(
        ServerRequest("b-1", None, Boot("image", "flavor", None))
    )
    [(_, request)] = nova.sent
    assert request["image"] == "image"
    assert request["block_device_mapping_v2"] is None
    assert (request["nics"], request["host"]) == ("auto", None)


def told(number):
    return {
        "id": number,
        "name": f"b-{number}",
        "status": "ERROR",
        "metadata": {server_requests.MARK: f"b-{number}"},
        "fault": {"message": "no\nroom"},
    }


def test_a_list_has_as_many_calls_as_it_has_pages():
    nova = Nova(
        [
            {"servers": [told("1")], "servers_links": [{"rel": "next"}]},
            {"servers": [told("2")]},
        ]
    )
    found = Cloud(nova, None, {}).servers()
    assert [one.key for one in found] == [("b-1", "b-1"), ("b-2", "b-2")]
    assert found[0].fault == "no room"
    assert nova.sent == [
        f"/servers/detail?tags={server_requests.TAG}",
        f"/servers/detail?tags={server_requests.TAG}&marker=1",
    ]


def steps(text):
    return plan.parse(text.encode(), plan.NODELIST_CFG, "f").steps


def test_a_node_is_a_host_by_name_or_address_or_any():
    some = steps("+ 10.0.0.3 vm1 s i\n+ h2 vm1 s i\n+ * vm2 s i\n- h2 vm1\n")
    known = jobs.hosts(Cloud(Nova(), None, {}), some)
    first, second = jobs.read(some, {"i": None}, known)
    assert [one.host for one in first.requests] == ["compute-1", "h2", None]
    assert first.requests[0].key != first.requests[1].key
    assert second.requests[0].key == first.requests[1].key
    assert jobs.hosts(Cloud(None, None, {}), steps("+ h2 vm1 s i\n")) == {}


@pytest.fixture
def cloud(monkeypatch):
    """Let vmtrun find a cloud in memory."""
    found = MemoryCloud()
    found.image = lambda name: Image(f"id-{name}", 1)
    found.flavor = found.network = lambda name: f"id-{name}"
    monkeypatch.setattr(access, "connect", lambda name: found)
    return found


@pytest.fixture
def file(tmp_path):
    target = tmp_path / "nodelist.cfg"
    target.write_text("+ h1 vm1 - i\n+ h2 vm2 - i\n@ h1\n")
    return target


QUICK = ("--openstack", "--poll=0.01")


def test_vmtrun_works_a_file_through_nova(cloud, file, capsys):
    words = [*QUICK, "--flavor=f", str(file)]
    assert vmtrun.main([*words, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [one["result"] for one in whole["servers"]] == ["ok"] * 3
    assert whole["servers"][2]["message"] == "vm1 ACTIVE, vm2 ACTIVE"
    assert vmtrun.main(words) == 0
    assert len(cloud.asked) == 2
    assert vmtrun.main([*QUICK, "--delete", str(file)]) == 0
    assert cloud.there == {}
    out = capsys.readouterr().out
    assert out.endswith("\n") and "nodelist.cfg: 2 of 2 servers ok" in out


def test_a_failure_is_status_1_and_says_how_to_undo(cloud, file, capsys):
    cloud.fate["vm2"] = ("ERROR", "No valid host was found.")
    assert vmtrun.main([*QUICK, "--flavor=f", str(file)]) == 1
    out, err = capsys.readouterr()
    assert "No valid host was found." in out
    assert f"vmtrun --openstack --delete {file}" in err


def test_a_bad_line_is_status_2_after_the_good_ones(cloud, file, capsys):
    file.write_text("oops\n+ * vm1 - i\n")
    assert vmtrun.main([*QUICK, "--flavor=f", str(file)]) == 2
    assert cloud.asked == ["vm1"]
    assert f"{file}:1: 'oops'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no flavor is given; add --flavor"),
        (("--flavor=f", "--no-volume", "--volume-type=t"), "--no-volume"),
    ],
)
def test_what_makes_no_sense_is_not_begun(cloud, file, capsys, words, told):
    assert vmtrun.main([*QUICK, *words, str(file)]) == 2
    assert told in capsys.readouterr().err
    assert cloud.asked == []


def test_a_missing_file_is_named(cloud, tmp_path, capsys):
    assert vmtrun.main([*QUICK, str(tmp_path / "x")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_only_servers_of_the_file_are_deleted(cloud, file):
    other = server("vm1", number="7", mark="vm1 h9")
    cloud.there["7"] = other
    assert vmtrun.main([*QUICK, "--delete", str(file)]) == 0
    assert [*cloud.there] == ["7"]


def test_no_option_takes_a_secret(capsys):
    with pytest.raises(SystemExit):
        nodelist.main(["--help"])
    text = capsys.readouterr().out
    for word in ("--os-password", "--os-token", "--password"):
        assert word not in text
    for word in ("  + ", "  - ", "  @ ", "example:", "exit status:"):
        assert word in text


def test_a_request_without_an_answer_may_have_been_taken():
    from keystoneauth1.exceptions import ConnectTimeout

    with (
        pytest.raises(NoAnswer, match="may be done all the same"),
        translated(),
    ):
        raise ConnectTimeout("Request to http://nova timed out")
