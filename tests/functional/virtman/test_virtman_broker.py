# SPDX-License-Identifier: Apache-2.0
"""Agents and their callers with a real RabbitMQ between them.

It takes seconds to start, so all share one, which the last test kills and
starts again.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import traceback
from types import SimpleNamespace

import kombu
import pytest
import trustme
from brokered_agents import (
    DEADLINE,
    ENDLESS,
    SLOW,
    KilledAgent,
    Node,
    RealAgent,
    verbs,
    wait_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from rabbit_broker import SECRET, Broker

from virtman import exception as theirs
from virtman.cmd import host as command
from virtman.rpc import messaging
from virtman.rpc.verbs import Failure
from virtmanclient import exceptions, remote
from virtmanclient.client import Client
from virtmanclient.doors import broker as agreed
from virtmanclient.remote import RemoteAgent

CONNECTION = {
    "target_portal": "10.0.0.2:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-i",
    "target_lun": 1,
}
PATH = "/dev/mapper/snapshot_vm1"


@pytest.fixture(scope="module")
def broker():
    made = Broker()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def early(broker, tmp_path_factory):
    """A whole agent that was there before the broker, which starts now."""
    folder = tmp_path_factory.mktemp("early")
    with RealAgent(folder, broker.url, "n0") as agent:
        agent.wait_for(f"127.0.0.1:{broker.port} is away")
        broker.begin()
        yield agent


@pytest.fixture(scope="module")
def running(broker, early):
    broker.wait()
    return broker


@contextlib.contextmanager
def serving(url, host, node):
    with messaging.serving(url, host, verbs(node)) as door:
        assert door.opened.wait(DEADLINE)
        yield door


@pytest.fixture(scope="module")
def host(running):
    """One agent for all tests that do not end it."""
    node = Node(seconds=3.0)
    with serving(running.url, "n1", node) as door:
        agent = RemoteAgent(running.url, "n1", DEADLINE)
        yield SimpleNamespace(node=node, agent=agent, door=door)
        agent.close()


@pytest.fixture
def node(host):
    host.node.kept.clear()
    yield host.node
    host.node.error = None


@pytest.fixture
def agent(node, host):
    return host.agent


@pytest.fixture
def caller_of():
    """Make callers of an agent; they end with the test."""
    with contextlib.ExitStack() as made:

        def of(url, host):
            caller = RemoteAgent(url, host, DEADLINE)
            made.callback(caller.close)
            return caller

        yield of


@pytest.fixture
def quick(monkeypatch):
    """Have callers ask for signs of life each second, not each five."""
    monkeypatch.setattr(remote, "MONITOR", 2)


# The whole virtman-server.


@pytest.mark.usefixtures("early")
def test_without_a_broker_the_agent_serves_says_so_once_and_ends(tmp_path):
    url = f"rabbit://virtman:{SECRET}@127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"{url}:{listener.getsockname()[1]}/"
        with RealAgent(tmp_path, url, "n0") as agent:
            listener.settimeout(DEADLINE)
            for _ in range(3):
                # It tries again after 1 and after 3 seconds.
                listener.accept()[0].close()
            assert Client(f"unix://{tmp_path}/run/agent.sock").working()
            assert SECRET not in agent.command_line()
            assert agent.end() == 0
    assert agent.log.count("is away") == 1
    assert SECRET not in agent.log


def test_when_the_broker_comes_up_so_does_the_door(running, early, caller_of):
    agent = early
    agent.wait_for("serving behind the broker as n0")
    caller = caller_of(running.url, "n0")
    assert caller.working()
    assert caller.instances() == []
    with pytest.raises(exceptions.InvalidRequest, match="instance"):
        caller.create("../vm1", "i", [CONNECTION])
    assert agent.end() == 0
    with pytest.raises(exceptions.CommunicationError, match="no agent"):
        caller.working()
    assert "ended; devices" in agent.log
    assert "Traceback" not in agent.log
    assert SECRET not in agent.log


# The verbs.


def test_a_disk_is_made_kept_listed_and_removed(agent):
    assert agent.create("vm1", "i", [CONNECTION], store="/dev/vdb") == PATH
    assert agent.create("vm1", "i", [CONNECTION]) == PATH
    assert agent.instances() == [
        {"name": "vm1", "image": "i", "path": PATH, "store": "fine"}
    ]
    assert agent.deactivate("vm1")
    assert not agent.deactivate("vm1")
    assert agent.destroy("vm1")
    assert not agent.destroy("vm1")
    assert agent.instances() == agent.images() == agent.targets() == []


def test_a_client_may_be_given_the_broker_as_its_endpoint(running, node):
    client = Client(running.url, host="n1")
    assert client.working()
    assert client.create("vm1", "i", CONNECTION) == PATH
    assert client.list() == ["vm1:i"]
    client.destroy("vm1")
    with pytest.raises(exceptions.NotFound):
        client.destroy("vm1")


def test_the_command_asks_the_agent_of_another_host(
    running, node, monkeypatch, capsys
):
    monkeypatch.setenv("VIRTMAN_TRANSPORT_URL", running.url)

    def virtman(*words):
        status = command.main(["--node", "n1", *words, "-f", "json"])
        return status, json.loads(capsys.readouterr().out)

    made = {"name": "vm1", "path": PATH}
    create = ("instance", "create", "vm1", "i", "--from", "server")
    assert virtman(*create) == (0, made)
    status, [listed] = virtman("instance", "list")
    assert (status, listed["path"]) == (0, PATH)
    assert command.main(["--node", "n1", "instance", "delete", "vm1"]) == 0
    assert not node.kept
    assert virtman("store", "list") == (0, [])
    removed = {"store": "vol1", "result": "removed"}
    assert virtman("store", "delete", "vol1") == (0, removed)
    assert command.main(["--node", "nobody", "instance", "list"]) == 1
    error = capsys.readouterr().err
    assert "virtman: nobody: no agent of that host listens" in error
    assert SECRET not in error


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (theirs.AlreadyExists, exceptions.AlreadyExists),
        (theirs.NotFound, exceptions.NotFound),
        (theirs.InvalidRequest, exceptions.InvalidRequest),
        (theirs.InUse, exceptions.InUse),
        (theirs.NoSpace, exceptions.OperationFailed),
        (theirs.NoSource, exceptions.OperationFailed),
    ],
)
def test_a_failure_keeps_its_kind_and_its_words(agent, node, raised, wanted):
    node.error = raised("the reason")
    with pytest.raises(wanted, match=r"^the reason$") as caught:
        agent.create("vm1", "i", [CONNECTION])
    assert type(caught.value) is wanted


def test_each_agent_gets_the_calls_of_its_host_alone(
    running, caller_of, agent, node
):
    other = Node()
    with serving(running.url, "n2", other):
        there = caller_of(running.url, "n2")
        for number in range(4):
            there.create(f"there{number}", "i", [CONNECTION])
            agent.create(f"here{number}", "i", [CONNECTION])
    assert sorted(other.kept) == [f"there{number}" for number in range(4)]
    assert sorted(node.kept) == [f"here{number}" for number in range(4)]


# What makes no sense.


def test_a_verb_or_version_that_is_unknown_is_refused(agent, running):
    with pytest.raises(exceptions.InvalidRequest, match=r"nonsense.*another"):
        agent._call("nonsense")
    for version in ("1.1", "2.0"):
        newer = agent._client.prepare(version=version)
        with pytest.raises(agent._library.RemoteError, match=version):
            newer.call({}, "working")
    for name in ("_answer", "__init__", "target", "_verbs"):
        with pytest.raises(exceptions.ClientError):
            agent._call(name)
    assert agent.working()


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", "7", "\0", '{"args": []}', '{"oslo.message": "x"}',
        '{"oslo.version": "2.0", "oslo.message": "{}"}',
        '{"oslo.version": "2.0", "oslo.message":'
        ' "{\\"method\\": \\"destroy\\", \\"namespace\\": \\"virtman\\",'
        ' \\"args\\": [1]}"}',
    ],
)  # fmt: skip
def test_a_message_that_is_no_call_is_thrown_away(running, agent, body):
    address = running.url.replace("rabbit:", "amqp:") + "/"
    with kombu.Connection(address) as connection:
        connection.Producer().publish(
            body, exchange=agreed.EXCHANGE, routing_key="virtman.n1",
            content_type="application/json", content_encoding="utf-8",
        )  # fmt: skip
    assert agent.working()


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
ARGUMENTS = st.fixed_dictionaries(
    {"instance": ODD},
    optional={"image": ODD, "connections": ODD, "store": ODD, "context": ODD},
)


@settings(max_examples=60, deadline=None)
@given(verb=st.sampled_from(["create", "deactivate"]), arguments=ARGUMENTS)
def test_odd_arguments_are_answered_as_at_the_local_door(
    host, verb, arguments
):
    try:
        here = {"result": verbs(Node()).call(verb, arguments)}
    except Failure as failure:
        here = failure.answer
    assert host.agent._client.call({}, verb, **arguments) == here
    host.node.kept.clear()


# What takes long, and what dies.


def test_a_long_call_is_not_taken_for_dead(running, caller_of, node, quick):
    caller = caller_of(running.url, "n1")
    assert caller.create("vm1", SLOW, [CONNECTION]) == PATH


def test_an_agent_that_dies_in_a_call_is_noticed_soon(
    running, caller_of, tmp_path, quick
):
    failed = []
    caller = caller_of(running.url, "n3")

    def ask():
        with pytest.raises(exceptions.AnswerTimeout) as caught:
            caller.create("vm1", ENDLESS, [CONNECTION])
        failed.append(str(caught.value))

    with KilledAgent(tmp_path, running.url, "n3") as dying:
        asking = threading.Thread(target=ask)
        asking.start()
        dying.wait_for("begun")
        dying.process.kill()
        asking.join(DEADLINE)
    assert "list what it has before you try again" in failed[0]

    # Nor is there a queue in which a call would wait for its successor.
    def refused():
        with pytest.raises(exceptions.ClientError) as caught:
            caller.create("vm2", "i", [CONNECTION])
        return type(caught.value) is exceptions.CommunicationError

    wait_for(refused, lambda: "the queue stays")
    successor = Node()
    with serving(running.url, "n3", successor):
        assert caller.working()
    assert successor.kept == {}


def test_at_its_end_the_agent_finishes_the_call_that_it_is_at(
    running, caller_of
):
    made = []
    node = Node(seconds=1.0)
    caller = caller_of(running.url, "n4")
    asking = threading.Thread(
        target=lambda: made.append(caller.create("vm1", SLOW, [CONNECTION]))
    )
    with serving(running.url, "n4", node) as door:
        asking.start()
        assert node.begun.wait(DEADLINE)
    asking.join(DEADLINE)
    assert made == [PATH]
    assert door.closed


@pytest.mark.parametrize(
    ("old", "new"), [(SECRET, "wrong-secret"), ("/@", "/elsewhere@")]
)
def test_a_broker_that_refuses_is_told_and_no_secret(
    running, caller_of, caplog, old, new
):
    url = f"{running.url}@".replace(old, new).removesuffix("@")
    with pytest.raises(
        exceptions.CommunicationError, match="may the user log in"
    ) as caught:
        caller_of(url, "n1").working()
    with messaging.serving(url, "n5", verbs(Node())):
        wait_for(lambda: "refuses transport_url" in caplog.text, lambda: "?")
    for text in (
        "".join(traceback.format_exception(caught.value)),
        caplog.text,
    ):
        assert SECRET not in text
        assert "wrong-secret" not in text


@pytest.mark.parametrize("durable", ["false", "true"])
def test_options_of_the_library_in_the_url_count(running, caller_of, durable):
    url = f"{running.tls_url}&amqp_durable_queues={durable}"
    with serving(url, f"tls-{durable}", Node()):
        caller = caller_of(url, f"tls-{durable}")
        assert caller.working()


def test_a_broker_that_is_another_is_not_logged_in_to(
    running, caller_of, tmp_path, monkeypatch
):
    monkeypatch.setattr(remote, "RETRIES", 1)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    url = running.tls_url.replace(str(running.folder), str(tmp_path))
    with pytest.raises(exceptions.CommunicationError, match="certificate"):
        caller_of(url, "n1").working()


def test_a_broker_that_was_killed_is_served_again_when_it_is_back(
    running, agent, host, caplog, tmp_path
):
    caplog.set_level("INFO")
    # What callers in this process have met has been told as its own.
    host.door._log_filter.over()
    assert agent.create("vm1", "i", [CONNECTION]) == PATH
    with RealAgent(tmp_path, running.url, "n0") as leaving:
        leaving.wait_for("serving behind the broker")
        with contextlib.closing(RemoteAgent(running.url, "n0")) as caller:
            assert caller.working()
        running.kill()
        leaving.wait_for("is away")
        # Its threads wait for the broker, and nobody waits for them.
        assert leaving.end() == 0
    running.start()

    def served():
        with contextlib.suppress(exceptions.CommunicationError):
            return agent.instances()

    (instance,) = wait_for(served, lambda: caplog.text)
    assert instance["name"] == "vm1"
    assert caplog.text.count(f"127.0.0.1:{running.port} is away") == 1
    assert caplog.text.count(f"127.0.0.1:{running.port} is back") == 1
    assert SECRET not in caplog.text
