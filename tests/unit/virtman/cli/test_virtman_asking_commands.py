# SPDX-License-Identifier: Apache-2.0
"""The commands that ask the agent, against the agent's own door."""

from __future__ import annotations

import json
import types

import pytest
from fake_node import SERIAL, Site

from virtman.cmd import host
from virtman.rpc import local
from virtman.rpc.peer_credentials import Callers
from virtman.rpc.verbs import Verbs

PATH = "/dev/mapper/snapshot_vm1"
INITIATOR = "iqn.1993-08.org.debian:01:one"


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


@pytest.fixture
def virtman(site, tmp_path):
    """Run the command in this process; nobody needs to be root."""
    path = tmp_path / "agent.sock"
    verbs = Verbs(site.node, site.images, site.stores)
    with local.serving(path, verbs, Callers(None), 0.01):
        yield lambda *words: host.main(["--socket", str(path), *words])


@pytest.fixture
def printed(virtman, capsys):
    """Run a command that goes well; return what it printed, as JSON."""

    def run(*words):
        assert virtman(*words, "-f", "json") == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def complaint(virtman, capsys):
    """Run a command that fails; return its complaint."""

    def run(*words):
        assert virtman(*words) == 1
        output = capsys.readouterr()
        assert output.out == ""
        # The agent, which is in this process, logs there, too.
        lines = output.err.splitlines()
        (line,) = (line for line in lines if line.startswith("virtman: "))
        return line

    return run


def create(run, *more):
    return run("instance", "create", "vm1", "a", "--from", "server", *more)


def test_an_instance_is_created_listed_shown_and_deleted(printed, virtman):
    assert create(printed) == {"name": "vm1", "path": PATH}
    assert create(printed)["path"] == PATH
    facts = {"name": "vm1", "image": "volume-a", "path": PATH, "store": "fine"}
    assert printed("instance", "list") == [facts]
    assert printed("instance", "show", "vm1") == facts
    for _ in range(2):
        assert virtman("instance", "delete", "vm1") == 0
    assert printed("instance", "list") == []


def test_its_data_may_be_kept(printed, virtman, site):
    create(printed)
    assert virtman("instance", "delete", "--keep-data", "vm1") == 0
    assert printed("instance", "show", "vm1")["path"] is None
    assert (site.settings.snapshot_dir / "vm1.cow").exists()
    assert create(printed)["path"] == PATH


def test_an_image_is_listed_and_shown_with_where_it_is_read_from(printed):
    create(printed)
    (image,) = printed("image", "list")
    assert (image["name"], image["reads_from"]) == ("volume-a", "server:3260")
    assert printed("image", "show", "volume-a")["serial"] == SERIAL


def test_a_target_is_created_listed_and_deleted(printed, virtman, image):
    made = printed("target", "create", "b", image)
    assert made["image"] == "volume-b"
    assert printed("target", "list") == [made]
    assert virtman("target", "delete", "b") == 0
    assert printed("target", "list") == []


@pytest.fixture
def store(site):
    """Open a store to a host, and have it write."""
    site.stores.open("vol1", 1 << 16, INITIATOR, new=True)
    file = site.settings.store_dir / "vol1.cow"
    with file.open("r+b") as opened:
        opened.write(b"SnAp" + bytes(range(256)) * 256)
    return file


def test_a_store_is_listed_and_deleted_and_deleted_once_more(store, printed):
    (store_facts,) = printed("store", "list")
    assert 1 << 16 <= store_facts.pop("allocated") < store.stat().st_size
    assert store_facts == {
        "store": "vol1", "initiator": INITIATOR, "written": True,
        "portal": "127.0.0.1:3260",
    }  # fmt: skip
    for result in ("removed", "absent"):
        outcome = {"store": "vol1", "result": result}
        assert printed("store", "delete", "vol1") == outcome
    assert printed("store", "list") == []
    assert not store.exists()


def test_a_store_stays_while_a_host_has_a_session(store, complaint, kernel):
    served = kernel.tgt.served("iqn.2010-10.org.openstack:cow-vol1")
    served.initiators.append(INITIATOR)
    assert INITIATOR in complaint("store", "delete", "vol1")
    assert store.exists()


def test_what_an_older_agent_does_not_tell_is_empty(
    store, printed, monkeypatch, site
):
    older = [types.SimpleNamespace(store="vol1", initiator=INITIATOR)]
    monkeypatch.setattr(site.stores, "all", lambda: older)
    monkeypatch.setattr("virtman.rpc.verbs.asdict", vars)
    (store_facts,) = printed("store", "list")
    assert (store_facts["store"], store_facts["allocated"]) == ("vol1", None)


def test_a_list_may_be_printed_for_other_programs(virtman, printed, capsys):
    create(printed)
    assert virtman("instance", "list", "-f", "csv") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith('"vm1",')


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("instance show vm9", "there is no instance vm9"),
        ("image show volume-z", "there is no image volume-z"),
        ("target delete z", "image_name = volume-z not exists"),
        ("target create z /etc/passwd", "is in no folder"),
        ("store delete ../x", "name '../x' is not usable"),
        ("instance create ../x a --from server", "name '../x' is not usable"),
        ("instance create vm1 a --from=-x", "the portal '-x' is not"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(complaint, words, reason):
    assert reason in complaint(*words.split())


def test_where_no_agent_runs_the_remedy_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("VIRTMAN_SOCKET", str(tmp_path / "none.sock"))
    assert host.main(["instance", "list"]) == 1
    error = capsys.readouterr().err
    assert "none.sock" in error
    assert "is virtman-server running" in error


def test_another_host_needs_a_broker(monkeypatch, capsys):
    monkeypatch.delenv("VIRTMAN_TRANSPORT_URL", raising=False)
    assert host.main(["--node", "n3", "instance", "list"]) == 2
    assert "VIRTMAN_TRANSPORT_URL names none" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "purge --yes", "burst i 2"])
def test_what_is_meant_for_another_host_is_not_done_to_this(
    command, monkeypatch, capsys
):
    monkeypatch.setenv("VIRTMAN_TRANSPORT_URL", "rabbit://u:p@127.0.0.1:9/")
    with pytest.raises(SystemExit) as ended:
        host.main(["--node", "n3", *command.split()])
    assert ended.value.code == 2
    assert "log in to n3 and run it there" in capsys.readouterr().err
