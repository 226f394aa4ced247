# SPDX-License-Identifier: Apache-2.0
"""The agent behind a broker: oslo.messaging's own, in this process's memory.

What a real broker does is in tests/functional/virtman/test_virtman_broker.py.
"""

import subprocess
import sys
import threading
import traceback
import types

import pytest

from virtman import exception as theirs
from virtman.instance.snapshot import Instance
from virtman.rpc import messaging
from virtman.rpc.verbs import CODES, Verbs
from virtmanclient import exceptions, remote
from virtmanclient.client import Client
from virtmanclient.doors import broker, verbs
from virtmanclient.remote import RemoteAgent

PATIENCE = 30
URL = "fake:///"
SECRET = "s3cret"


class Node:
    """One instance; ``error`` is what each create runs into."""

    def __init__(self):
        self.error = None

    def create(self, request):
        if self.error:
            raise self.error
        return types.SimpleNamespace(
            instance=Instance(request.instance, request.image), created=True
        )

    def destroy(self, name):
        return False


@pytest.fixture
def node():
    made = Node()
    served = Verbs(made, types.SimpleNamespace(targets=list), None)
    with messaging.serving(URL, "n1", served) as door:
        assert door.opened.wait(PATIENCE)
        yield made
    assert door.closed


@pytest.fixture
def agent(node):
    return RemoteAgent(URL, "n1", PATIENCE)


def test_verbs_go_there_and_their_results_come_back(agent):
    assert agent.create("vm1", "i") == "/dev/mapper/snapshot_vm1"
    assert agent.destroy("vm1") is False
    assert agent.targets() == []
    assert agent.working()


def test_a_failure_keeps_its_kind_and_its_words(agent, node):
    node.error = theirs.InUse("the reason")
    with pytest.raises(exceptions.InUse, match=r"^the reason$"):
        agent.create("vm1", "i")


def test_an_internal_error_tells_nothing_of_the_inside(agent, node):
    node.error = ZeroDivisionError("inside")
    with pytest.raises(exceptions.OperationFailed, match="log") as caught:
        agent.create("vm1", "i")
    assert "inside" not in str(caught.value)


def test_both_ends_have_the_same_codes():
    assert set(verbs._ERRORS) - {"not_admitted"} <= set(CODES.values())


def test_an_agent_that_says_nothing_is_not_waited_for_longer():
    agent = RemoteAgent(URL, "nobody", timeout=0.05)
    with pytest.raises(exceptions.AnswerTimeout, match="list what it has"):
        agent.working()


def test_a_broker_that_is_not_there_is_told_and_not_waited_for(monkeypatch):
    monkeypatch.setattr(remote, "RETRIES", 1)
    agent = RemoteAgent(f"rabbit://virtman:{SECRET}@127.0.0.1:1/", "n1")
    with pytest.raises(
        exceptions.CommunicationError, match="n1: the broker cannot be used"
    ) as caught:
        agent.working()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_who_closes_does_not_wait_for_a_broker_either(agent, monkeypatch):
    monkeypatch.setattr(remote, "GRACE", 0.01)
    back = threading.Event()
    monkeypatch.setattr(agent._transport, "cleanup", back.wait)
    agent.close()
    back.set()


@pytest.mark.parametrize("host", [None, "", "a b", "x" * 300, "#", "n1\n"])
def test_a_broker_without_a_host_is_no_endpoint(host):
    with pytest.raises(exceptions.InvalidEndpoint, match="option host"):
        Client(f"rabbit://virtman:{SECRET}@broker/", host=host)


@pytest.mark.parametrize(
    "url",
    [
        f"rabbit://virtman:{SECRET}/more@broker/",
        f"rabbit://virtman:12/{SECRET}@broker/",
        f"rabbit://virtman:1?{SECRET}=1@broker/",
        f"rabbit://virtman:1#{SECRET}@broker/",
        f"rabbit://virtman:{SECRET}@broker:port/",
        f"rabbit://virtman:{SECRET}@/",
        f"rabbit://virtman:{SECRET}@broker/?{SECRET}=1",
        f"rabbit://virtman:{SECRET}@broker/?heartbeat_rate={SECRET}",
        f"rabbit://virtman:{SECRET}@[broker/",
        "rabbit://",
    ],
)
def test_a_url_that_makes_no_sense_is_not_quoted(url):
    with pytest.raises(exceptions.InvalidEndpoint, match="%XX") as caught:
        Client(url, host="n1")
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_nor_is_one_with_a_mistyped_scheme():
    with pytest.raises(exceptions.InvalidEndpoint) as caught:
        Client(f"rabit://virtman:{SECRET}@broker/", host="n1")
    assert SECRET not in str(caught.value)


def test_options_of_the_library_stand_in_the_url():
    query = "ssl=true&ssl_ca_file=/ca.pem&amqp_auto_delete=false"
    url = f"rabbit://virtman:{SECRET}@a:1,virtman:{SECRET}@b:2/v?{query}"
    found = broker.transport(url).conf.oslo_messaging_rabbit
    assert (found.ssl, found.ssl_ca_file) == (True, "/ca.pem")
    assert (found.amqp_auto_delete, found.heartbeat_rate) == (False, 5)
    assert broker.where(url) == "a:1, b:2"


def test_without_the_library_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "oslo_messaging", None)
    with pytest.raises(
        exceptions.MissingPackage, match=r"pip install oslo\.messaging"
    ):
        Client("rabbit://broker/", host="n1")


def test_the_library_is_imported_late_and_needs_no_eventlet():
    code = (
        "import sys\n"
        'sys.modules["eventlet"] = None\n'
        "from virtmanclient.client import Client\n"
        'assert "oslo_messaging" not in sys.modules\n'
        'Client("rabbit://broker/", host="n1")\n'
        "from oslo_service import backend\n"
        "print(backend.get_backend_type().value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "threading\n", done.stderr
