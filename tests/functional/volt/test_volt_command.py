# SPDX-License-Identifier: Apache-2.0
"""The command ``volt`` as a process against volt-api as a process."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
import yaml
from volt_process import DEADLINE, ROOT, TOKEN

from bench.volt.site import Site
from voltclient.types import Serving

V = "volume-image1"
IQN = f"iqn.2010-10.org.openstack:{V}"
AT = {"port": "3260", "iqn": IQN, "lun": "1"}
LARGE = 5_000
# Runs the command and tells the most memory that it had, in KiB.
MEASURED = (
    "import resource, sys; from voltclient.shell import main\n"
    "status = main(sys.argv[1:])\n"
    "used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    "print(used, file=sys.stderr); sys.exit(status)"
)
VOLT = [sys.executable, "-m", "voltclient.shell"]


def environ(endpoint, **more):
    kept = {
        name: os.environ[name]
        for name in os.environ
        if not name.startswith(("VOLT", "OS_"))
    }
    return kept | {"VOLT_URL": endpoint, "VOLT_TOKEN": TOKEN} | more


def run(endpoint, *args, command=VOLT, **more):
    return subprocess.run(
        [*command, *args],
        cwd=ROOT,
        env=environ(endpoint, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def joined(client, *names):
    for name in names:
        client.volumes.assign(V, name, **AT)


def serves(client, name):
    client.members.beat([Serving(V, f"{name}:{V}", name, **AT)])


@pytest.fixture
def cluster(volt, client):
    """Two image servers and five nodes, the last of which only joined."""
    facts = {"size": 131072, "generation": "g1", "serial": "VMT1"}
    for host in ("10.0.0.1", "10.0.0.2"):
        client.images.put(V, **facts, host=host, **AT)
    names = ("n1", "n2", "n3", "n4", "n5")
    joined(client, *names)
    for name in names[:-1]:
        serves(client, name)
    yield volt.endpoint
    for volume in client.volumes.list():
        client.volumes.logout(volume.id, force=True)
    for host in ("10.0.0.1", "10.0.0.2"):
        client.images.delete(V, host, "3260")


def of_json(text):
    return json.loads(text)


def of_yaml(text):
    return yaml.safe_load(text)


def of_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def untimed(told):
    """Leave out what changes from second to second."""
    rows = told if isinstance(told, list) else [told]
    return [
        {key: one[key] for key in one if key not in ("age", "due")}
        for one in rows
    ]


LISTS = (
    "volume list",
    "image list",
    "member list",
    f"peer list {V}",
    f"tree {V} -f table",
)
SHOWS = (f"volume show {V}", f"image show {V}", "member show n3")


def formatted(cluster, what, form):
    args = what.removesuffix(" -f table").split()
    done = run(cluster, *args, "-f", form)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("what", [*LISTS, *SHOWS])
def test_all_formats_say_the_same(cluster, what):
    told = untimed(of_json(formatted(cluster, what, "json")))
    assert told
    assert untimed(of_yaml(formatted(cluster, what, "yaml"))) == told
    table = formatted(cluster, what, "table")
    values = formatted(cluster, what, "value")
    for one in told:
        for name in one:
            assert name in table
            if isinstance(one[name], str):
                assert one[name] in table
                assert one[name] in values
    if what in LISTS:
        assert len(values.splitlines()) == len(told)
        rows = untimed(of_csv(formatted(cluster, what, "csv")))
        assert [set(row) for row in rows] == [set(one) for one in told]
        assert (
            rows[0]["host" if "host" in rows[0] else "id"]
            == (told[0]["host" if "host" in told[0] else "id"])
        )


def test_the_facts_are_those_of_volt(cluster):
    def told(what):
        return of_json(formatted(cluster, what, "json"))

    assert told("volume list") == [{"id": V, "peers": 5}]
    shown = told(f"volume show {V}")
    portals = [{"host": host, **AT} for host in ("10.0.0.1", "10.0.0.2")]
    assert shown == {
        "id": V,
        "peers": 5,
        "depth": 2,
        "fanout": 2,
        "image_servers": portals,
    }
    assert told(f"image show {V}")["size"] == 2**26
    peers = {one["host"]: one for one in told(f"peer list {V}")}
    assert peers["n1"] == {
        "peer_id": f"n1:{V}",
        "host": "n1",
        **AT,
        "status": "OK",
    }
    assert peers["n5"]["status"] == "pending"
    tree = {one["host"]: one for one in told(f"tree {V}")}
    assert [tree[name]["parent"] for name in ("n1", "n3", "n4", "n5")] == [
        None,
        f"n1:{V}",
        f"n1:{V}",
        f"n2:{V}",
    ]
    (member,) = (one for one in told("member list") if one["host"] == "n3")
    assert member["peers"] == 1
    assert 0 <= member["age"] < DEADLINE
    assert told("member show n3")["places"] == [
        {"volume": V, "status": "OK", "depth": 2, "parent": f"n1:{V}"}
    ]


def drawn(text):
    """Return a drawing without the times, which change."""
    return re.sub(r"heard [\d.]+ s ago", "heard T ago", text)


DRAWING = f"""\
{V}: 5 peers, depth 2, fan-out 2
image servers: 10.0.0.1:3260, 10.0.0.2:3260
├── n1  OK  depth 1  heard T ago
│   ├── n3  OK  depth 2  heard T ago
│   └── n4  OK  depth 2  heard T ago
└── n2  OK  depth 1  heard T ago
    └── n5  pending  depth 2  heard T ago
"""


def test_the_tree_is_drawn(cluster):
    done = run(cluster, "tree", V)
    assert (done.returncode, done.stderr) == (0, "")
    assert drawn(done.stdout) == DRAWING


def test_it_is_drawn_in_ascii_where_there_is_nothing_else(cluster):
    done = run(cluster, "tree", V, PYTHONIOENCODING="ascii")
    assert drawn(done.stdout) == (
        DRAWING.replace("├──", "|--").replace("└──", "`--").replace("│", "|")
    )


def test_a_part_of_it_is_drawn(cluster):
    lines = DRAWING.splitlines()
    done = run(cluster, "tree", V, "--depth", "1")
    assert drawn(done.stdout).splitlines() == [*lines[:3], lines[5]]
    done = run(cluster, "tree", V, "--host", "n5")
    assert drawn(done.stdout).splitlines()[2:] == lines[5:]


def test_a_peer_is_removed_and_the_tree_mended(cluster, client):
    done = run(cluster, "peer", "remove", V, f"n1:{V}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert f"n1:{V}" not in {one.peer_id for one in client.volumes.list(V)}
    lines = run(cluster, "tree", V).stdout.splitlines()
    assert lines[0].startswith(f"{V}: 4 peers, depth 2")
    done = run(cluster, "peer", "remove", V, f"n1:{V}")
    assert done.returncode == 1
    assert "'volt peer list' names the peers" in done.stderr


def test_a_volume_in_use_is_deleted_by_force_only(cluster, client):
    done = run(cluster, "volume", "delete", V)
    assert done.returncode == 1
    assert "(HTTP 409" in done.stderr
    assert "--force" in done.stderr
    assert len(client.volumes.list(V)) == 5
    done = run(cluster, "volume", "delete", V, "--force")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert client.volumes.list() == []
    done = run(cluster, "tree", V)
    assert (done.returncode, done.stdout) == (1, "")
    assert "'volt volume list' names the volumes" in done.stderr


def test_without_the_token_nothing_is_told(cluster, tmp_path):
    done = run(cluster, "volume", "list", VOLT_TOKEN="")
    assert (done.returncode, done.stdout) == (1, "")
    assert "(HTTP 401" in done.stderr
    assert "VOLT_TOKEN_FILE" in done.stderr
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    file = ("--token-file", str(tmp_path / "token"))
    done = run(cluster, "volume", "list", *file, VOLT_TOKEN="")
    assert done.returncode == 0


def test_a_volt_that_is_not_there_is_told_from_one_that_refuses(new_volt):
    volt = new_volt()
    done = run(volt.endpoint, "volume", "list")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Connection refused" in done.stderr
    volt.start()
    assert run(volt.endpoint, "volume", "list").returncode == 0


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    url = f"sqlite:///{folder}/volt.sqlite"
    with Site(folder / "volt", url, LARGE) as site:
        yield site.endpoint


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    url = f"sqlite:///{folder}/volt.sqlite"
    with Site(folder / "volt", url, 5) as site:
        yield site.endpoint


def test_five_thousand_peers_are_drawn_each_under_its_parent(large):
    lines = run(large, "tree", V).stdout.splitlines()
    assert lines[0] == f"{V}: {LARGE} peers, depth 12, fan-out 2"
    above = {0: None}
    seen = {}
    for line in lines[2:]:
        stem, name, facts = re.fullmatch(
            r"((?:│   |    )*(?:├── |└── ))(\S+)  (.*)", line
        ).groups()
        depth = len(stem) // 4
        assert f"depth {depth}" in facts
        seen[name] = above[depth - 1]
        above[depth] = name
    assert len(seen) == LARGE
    listed = of_csv(run(large, "tree", V, "-f", "csv").stdout)
    assert seen == {
        one["host"]: one["parent"].partition(":")[0] or None for one in listed
    }


@pytest.mark.parametrize("form", ["tree", "csv", "json", "yaml", "value"])
def test_a_large_tree_takes_hardly_more_memory_than_a_small(
    large, small, form
):
    used = []
    for endpoint in (small, large):
        done = run(
            endpoint,
            *("tree", V, "-f", form),
            command=[sys.executable, "-c", MEASURED],
        )
        assert done.returncode == 0
        used.append(int(done.stderr))
    # A few pages of a thousand peers; all peers at once take 8 MiB.
    assert used[1] - used[0] < 5 * 1024


@pytest.mark.parametrize("form", ["tree", "csv", "json", "table"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(large, form):
    running = subprocess.Popen(
        [*VOLT, "tree", V, "-f", form],
        cwd=ROOT,
        env=environ(large),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(DEADLINE) == 141
    finally:
        running.kill()
        running.stderr.close()
        running.wait()


def test_ctrl_c_in_the_middle_ends_it_quietly(large):
    """The pipe is full: it is in the middle of a drawing."""
    running = subprocess.Popen(
        [*VOLT, "tree", V],
        cwd=ROOT,
        env=environ(large),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=DEADLINE)
    finally:
        running.kill()
        running.wait()
    assert (running.returncode, err) == (130, "")
    assert len(out.splitlines()) < LARGE


def on_a_terminal(endpoint, *args, **more):
    """Return how the command ends on a terminal, and what it shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(VOLT[0], [*VOLT, *args], environ(endpoint, **more))
    shown, end = b"", time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break  # nobody holds the other end any more
        if not part:
            break
        shown += part
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_a_tree_goes_through_the_pager(large):
    status, shown = on_a_terminal(large, "tree", V, PAGER="head -n 3")
    assert shown.splitlines()[0].startswith(f"{V}: {LARGE} peers")
    assert len(shown.splitlines()) == 3
    assert status in (0, 141)


def test_on_a_terminal_without_a_pager_it_is_just_printed(small):
    status, shown = on_a_terminal(small, "tree", V, PAGER="cat")
    assert (status, len(shown.splitlines())) == (0, 7)
