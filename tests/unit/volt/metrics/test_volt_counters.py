# SPDX-License-Identifier: Apache-2.0
"""What is counted, by one process and by several."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from memory_tree import VOLUME, address

from volt.event import Event
from volt.exception import NoSlot, PeerNotFound
from volt.executor.btree import BinaryTree
from volt.metrics import multiprocess
from volt.metrics.census import Bulk, Census
from volt.metrics.counters import Counters
from volt.registry import engine, schema
from volt.registry.session import Registry
from volt.rules import Rules
from volt.topology.members import Members
from volt.topology.tree import Tree

ROOT = Path(__file__).parents[4]


def samples(text):
    """Return the figures of a page by name and labels."""
    lines = text.decode().splitlines()
    pairs = [
        line.rsplit(" ", 1) for line in lines if line[:1] not in ("", "#")
    ]
    return {name: float(value) for name, value in pairs}


def test_each_event_has_its_counter():
    counters = Counters()
    for number, event in enumerate(Event, 1):
        counters.happened(event, number)
    told = samples(counters.text(None))
    counted = [told[name] for name in told if "_total" in name]
    assert sorted(counted) == list(range(1, len(Event) + 1))


def test_requests_are_counted_by_what_the_api_has():
    counters = Counters()
    counters.answered("/v1/volumes", "GET", "200 OK", 0.003)
    counters.answered("/v1/volumes", "GET", "204 No Content", 0.3)
    counters.answered(None, "BREW", "404 Not Found", 0.0)
    told = samples(counters.text(None))
    labels = '{method="GET",route="/v1/volumes",status="2xx"}'
    assert told[f"volt_request_seconds_count{labels}"] == 2
    assert told[f"volt_request_seconds_sum{labels}"] == pytest.approx(0.303)
    slot = f'volt_request_seconds_bucket{{le="0.005",{labels[1:]}'
    assert told[slot] == 1
    assert "BREW" not in counters.text(None).decode()
    odd = '{method="other",route="other",status="4xx"}'
    assert told[f"volt_request_seconds_count{odd}"] == 1


def test_two_applications_in_one_process_do_not_share_figures():
    one, other = Counters(), Counters()
    one.happened(Event.JOINED, 1)
    assert samples(other.text(None))["volt_joins_total"] == 0


def test_a_census_is_told_volume_by_volume():
    census = Census(3, 2, 7, [Bulk('a"\\\n', 5, 3), Bulk("b", 2, 1)])
    told = samples(Counters().text(census))
    assert told["volt_members"] == 3
    assert (told["volt_volumes"], told["volt_places"]) == (2, 7)
    assert told['volt_peers{volume="a\\"\\\\\\n"}'] == 5
    assert told['volt_tree_depth{volume="b"}'] == 1
    assert told["volt_registry_up"] == 1


def test_without_the_registry_it_is_said_that_it_is_away():
    told = samples(Counters().text(None))
    assert told["volt_registry_up"] == 0
    assert "volt_members" not in told


@pytest.fixture
def heard():
    return []


@pytest.fixture
def observed(heard):
    opened = engine.connect("sqlite://")
    schema.prepare(opened)
    return Registry(opened, lambda *what: heard.append(what))


def test_what_was_not_done_was_not_heard_of(observed, heard):
    tree = Tree(observed, Rules(BinaryTree()))
    tree.query(VOLUME, "n1")
    tree.query(VOLUME, "n2")
    assert heard == [(Event.JOINED, 1)] * 2
    heard.clear()
    with pytest.raises(PeerNotFound):
        tree.remove(VOLUME, "nobody")
    with pytest.raises(NoSlot):
        tree.register(VOLUME, "n3", "n3", address("n3"))
    assert heard == []
    with pytest.raises(RuntimeError):
        observed.write(fails_at_the_end)
    assert heard == []


def fails_at_the_end(unit):
    unit.happened(Event.JOINED)
    raise RuntimeError


def test_a_beat_that_says_nothing_new_is_no_event(observed, heard):
    rules = Rules(BinaryTree())
    Tree(observed, rules).query(VOLUME, "n1")
    heard.clear()
    Members(observed, rules).beat("n1")
    assert heard == []


WORKERS = """
import os, signal
from volt.metrics import multiprocess

with multiprocess.shared() as folder:
    children = []
    for number in range(3):
        child = os.fork()
        if not child:
            from volt.event import Event
            from volt.metrics.counters import Counters
            counters = Counters()
            counters.happened(Event.JOINED, 10 ** number)
            counters.answered('/', 'GET', '300', 0.001)
            os.kill(os.getpid(), signal.SIGKILL)
        children.append(os.waitpid(child, 0)[1])
    assert children == [signal.SIGKILL] * 3
    from volt.event import Event
    from volt.metrics.counters import Counters
    counters = Counters()
    counters.happened(Event.JOINED, 1000)
    print(counters.text(None).decode())
    print('#', folder)
"""


def run(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_workers_count_together_also_those_that_were_killed():
    done = run(WORKERS)
    assert done.returncode == 0, done.stderr
    told = samples(done.stdout.encode())
    assert told["volt_joins_total"] == 1111
    labels = '{method="GET",route="/",status="3xx"}'
    assert told[f"volt_request_seconds_count{labels}"] == 3
    folder = Path(done.stdout.rsplit("# ", 1)[1].strip())
    assert not folder.exists()


def test_a_directory_that_the_operator_named_is_used_and_kept(tmp_path):
    done = run(WORKERS, **{multiprocess.VARIABLE: str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("counter_*.db"))) == 4


def test_a_directory_named_too_late_is_refused_with_the_remedy():
    done = run(
        "import os, prometheus_client\n"
        f'os.environ[{multiprocess.VARIABLE!r}] = "/nowhere"\n'
        "from volt.metrics.counters import Counters\n"
        "Counters()\n"
    )
    assert re.search("ConfigError: .* set it before", done.stderr)
