# SPDX-License-Identifier: Apache-2.0
"""Bursts into Nova's own API: novaclient on our side, Nova's code on its."""

import json
import shlex
import signal
import time

import pytest
import served_nova
from served_nova import DEADLINE, IMAGE

pytestmark = pytest.mark.timeout(600)
IMAGE_ID = "cafecafe-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One Nova for all bursts."""
    if not (served_nova.NOVA / "installed").exists():
        pytest.skip("no build/nova; make nova")
    with served_nova.serving(tmp_path_factory.mktemp("s")) as nova:
        yield nova


@pytest.fixture
def nova(served):
    """The same, with nothing left in it afterwards."""
    yield served
    served.clear()


def column(rows, name):
    return [row[name] for row in rows]


def disks(nova):
    """Return how many disks there are, and how many the agents know."""
    kept = [
        one
        for agent in nova.agents.agents.values()
        for one in agent.node.kept.values()
    ]
    return sum(one.active for one in kept), len(kept)


def test_a_burst_ends_when_each_server_runs_on_a_disk_of_an_agent(nova):
    before = nova.lists()
    status, rows, err = nova.boot(3, "--hosts=compute2,compute1")
    assert status == 0, err
    assert column(rows, "server") == ["burst-1", "burst-2", "burst-3"]
    assert column(rows, "result") == ["ok"] * 3
    assert column(rows, "host") == ["compute2", "compute1", "compute2"]
    for row in rows:
        assert 0 < row["requested"] < row["done"]
    assert disks(nova) == (3, 3)
    assert "3 of 3 servers ok" in err
    # Not a call a server: one at the start, then one a poll.
    longest = max(column(rows, "done"))
    assert nova.lists() - before <= 2 + longest / 0.2


def test_the_same_burst_again_makes_what_is_missing_and_no_more(nova):
    nova.boot(1)
    status, rows, _ = nova.boot(2)
    assert status == 0
    assert column(rows, "message") == ["was there", ""]
    assert nova.names() == ["burst-1", "burst-2"]


def test_a_failed_build_is_told_in_nova_s_words_and_can_be_deleted(nova):
    nova.agents.fail("create", "failed", "no source serves volume-cafe")
    status, rows, err = nova.boot(2)
    assert status == 1
    [bad] = [row for row in rows if row["result"] == "failed"]
    assert "no source serves volume-cafe" in bad["message"]
    assert "1 of 2 servers ok, 1 failed" in err
    assert "virtman burst --delete --prefix=burst" in err
    status, rows, _ = nova.burst("--delete")
    assert (status, column(rows, "result")) == (0, ["ok"] * 2)
    assert nova.names() == []
    assert disks(nova)[0] == 0


def told_of_the_quota(nova, count):
    """Have it boot too many of a quota of one; return the rows."""
    admin = nova.client()
    admin.quotas.update("project-admin", instances=1)
    try:
        status, rows, _ = nova.boot(count, "--parallel=1", "--prefix=q")
    finally:
        admin.quotas.delete("project-admin")
    assert status == 1
    return rows


def test_a_quota_is_told_once_and_no_more_is_requested(nova):
    assert nova.boot(1)[0] == 0
    rows = told_of_the_quota(nova, 12)
    assert column(rows, "result") == ["failed"] + ["skipped"] * 11
    assert "Quota exceeded for instances" in rows[0]["message"]
    assert rows[-1]["message"] == "not requested: see the message of q-1"


def test_what_nova_refuses_after_it_took_the_request_is_told_too(nova):
    # Nova counts at the request and once more when it has made the servers:
    # what came in between counts then, and all of it may be refused.
    rows = told_of_the_quota(nova, 4)
    assert column(rows, "result").count("ok") <= 1
    failed = [row for row in rows if row["result"] == "failed"]
    assert failed
    for row in failed:
        assert "Quota exceeded for instances" in row["message"]


@pytest.mark.parametrize(
    "words, changes, told",
    [
        ((IMAGE, 2), {"OS_PASSWORD": "wrong"}, "refuses these credentials"),
        ((IMAGE, 2), {"OS_AUTH_URL": ""}, "name a cloud of your clouds.yaml"),
        ((IMAGE, 2, "--os-cloud=x"), {}, "Cloud x was not found"),
        (("no such", 2), {}, "there is no image 'no such'"),
        (
            (IMAGE, 2, "--flavor=m1"),
            {},
            "there is no flavor 'm1'; the flavors are",
        ),
        ((), {}, "virtman burst IMAGE COUNT"),
    ],
)
def test_what_cannot_be_begun_is_status_2_and_makes_nothing(
    nova, words, changes, told
):
    asked = ("--flavor=m1.small", "--network=none", *words)
    status, _, err = nova.burst(*asked, **changes)
    assert (status, nova.names()) == (2, [])
    assert told in err
    assert nova.password not in err


def test_a_disk_may_be_of_another_type_or_nova_s_own(nova):
    status, rows, err = nova.boot(1, "--volume-type=lvm-1")
    assert status == 0, err
    status, rows, _ = nova.boot(1, "--volume-type=no-such", "--prefix=b")
    assert status == 1
    assert "no-such could not be found" in rows[0]["message"]
    status, rows, err = nova.boot(1, "--no-volume", "--prefix=c")
    assert status == 0, err
    assert disks(nova) == (1, 1)


def test_credentials_may_come_from_clouds_yaml(nova, tmp_path):
    environ = nova.environ()
    auth = {
        name.removeprefix("OS_").lower(): value
        for name, value in environ.items()
        if name.startswith("OS_")
    }
    file = tmp_path / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"school": {"auth": auth}}}))
    without = dict.fromkeys(environ.keys() - {"PATH", "HOME"}, "")
    where = {"OS_CLIENT_CONFIG_FILE": str(file), "OS_CLOUD": "school"}
    status, _, err = nova.boot(1, **without, **where)
    assert status == 0, err
    del where["OS_CLOUD"]
    words = ("--delete", "--os-cloud=school")
    status, rows, err = nova.burst(*words, **without, **where)
    assert (status, len(rows)) == (0, 1), err


def test_ctrl_c_says_what_nova_goes_on_with_and_how_to_undo_it(nova):
    nova.agents.gate.clear()
    process = nova.start(
        IMAGE, 2, "--flavor=m1.small", "--network=none", "-f", "json"
    )
    end = time.monotonic() + DEADLINE
    while disks_asked(nova) < 2:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    rows = json.loads(out)
    assert column(rows, "result") == ["interrupted"] * 2
    assert column(rows, "message") == ["Nova goes on"] * 2
    [undo] = [line for line in err.splitlines() if "to delete" in line]
    nova.agents.gate.set()
    command = shlex.split(undo.partition(": ")[2])
    assert nova.run(*command)[0] == 0
    assert nova.names() == []


def disks_asked(nova):
    return sum(
        verb == "create"
        for agent in nova.agents.agents.values()
        for verb, _ in agent.calls
    )


def test_only_what_was_made_here_is_deleted(nova):
    nova.boot(1)
    nova.boot(1, "--prefix=burst-x")
    flavor = nova.client().flavors.find(name="m1.small")
    nova.client().servers.create("burst-2", IMAGE_ID, flavor, nics="none")
    status, rows, _ = nova.burst("--delete")
    assert (status, column(rows, "server")) == (0, ["burst-1"])
    assert nova.names() == ["burst-2", "burst-x-1"]
    assert nova.burst("--delete")[1] == []


def test_a_member_may_burst_but_not_choose_hosts(nova):
    status, rows, err = nova.boot(1, user="alice")
    assert status == 0, err
    status, rows, _ = nova.boot(
        2, "--hosts=compute1", "--prefix=b", "--parallel=1", user="alice"
    )
    assert status == 1
    assert column(rows, "result") == ["failed", "skipped"]
    assert "requested_destination" in rows[0]["message"]
    assert nova.burst("--delete", user="alice")[0] == 0


@pytest.fixture
def file(tmp_path):
    target = tmp_path / "nodelist.cfg"
    target.write_text(
        f"+ compute1 vm1 - {IMAGE_ID}\n"
        f"+ compute2 vm1 - {IMAGE_ID}\n"
        f"+ * vm2 - {IMAGE_ID}\n"
        "@ compute1\n"
    )
    return target


OPTIONS = ("--openstack", "--poll=0.2", "--json")
BOOT = ("--flavor=m1.small", "--network=none")


def test_vmtrun_boots_what_a_file_says_and_takes_it_away(nova, file):
    status, out, err = nova.run("vmtrun", *OPTIONS, *BOOT, file)
    assert status == 0, out + err
    first, second, third, listed = json.loads(out)["servers"]
    assert [first["host"], second["host"]] == ["compute1", "compute2"]
    assert third["server"] == "vm2"
    assert "vm1 ACTIVE" in listed["message"]
    assert nova.names() == ["vm1", "vm1", "vm2"]
    gone = file.with_name("gone.cfg")
    gone.write_text("- compute2 vm1\n")
    status, out, _ = nova.run("vmtrun", *OPTIONS, gone)
    assert (status, json.loads(out)["servers"][0]["host"]) == (0, "compute2")
    status, out, _ = nova.run("vmtrun", *OPTIONS, "--delete", file)
    assert status == 0
    told = [one["message"] for one in json.loads(out)["servers"]]
    assert told == ["", "was not there", ""]
    assert nova.names() == []
