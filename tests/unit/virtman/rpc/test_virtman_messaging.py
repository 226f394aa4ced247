# SPDX-License-Identifier: Apache-2.0
"""The door behind a broker, without one: options, secrets, log and end."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading

import pytest
from fake_portals import PATIENCE

from virtman import conf
from virtman.exception import ConfigError
from virtman.rpc import broker_log, messaging
from virtman.rpc.broker_log import SILENCE, BrokerLogFilter
from virtman.rpc.endpoint import CallCounter, Endpoint
from virtman.rpc.verb_schemas import SCHEMAS
from virtman.rpc.verbs import Failure

SECRET = "s3cret"


class Recorder:
    """Stands for the verbs."""

    def __init__(self):
        self.calls = []

    def call(self, verb, arguments):
        self.calls.append((verb, arguments))
        return "done"


# Options.


def test_without_a_url_there_is_no_door_and_no_library():
    code = (
        "import sys; from virtman.cmd import agent\n"
        "from virtman.rpc import messaging\n"
        "with messaging.serving(None, 'n1', None) as door:\n"
        "    assert door is None\n"
        "print([m for m in ('oslo_messaging', 'kombu') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stderr


def test_the_url_and_the_name_are_options(settings):
    url = f"rabbit://virtman:{SECRET}@broker/"
    options = settings(transport_url=url, host="node_3.example")
    assert (options.transport_url, options.host) == (url, "node_3.example")
    assert SECRET not in repr(options)
    assert settings().host


def test_a_dollar_in_the_password_is_refused_and_not_quoted(settings):
    with pytest.raises(ConfigError, match=r"transport_url.*'\$\$'") as caught:
        settings(transport_url=f"rabbit://virtman:1${SECRET}@broker/")
    assert SECRET not in str(caught.value)
    written = settings(transport_url="rabbit://virtman:1$$2@broker/")
    assert written.transport_url == "rabbit://virtman:1$2@broker/"


def test_a_url_in_a_file_that_everybody_may_read_is_refused(tmp_path):
    file = tmp_path / "virtman.conf"
    file.write_text(
        f"[DEFAULT]\ntransport-url = rabbit://u:{SECRET}@broker/\n"
    )
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"644.*chmod 600") as caught:
        conf.parse(["--config-file", str(file)])
    assert SECRET not in str(caught.value)
    file.chmod(0o640)
    conf.parse(["--config-file", str(file)])


@pytest.mark.parametrize("name", ["a b", "#", "n*", "-"])
def test_a_name_that_is_none_is_refused(settings, name):
    with pytest.raises(Exception, match="host"):
        settings(host=name)


def test_a_url_that_makes_no_sense_ends_the_agent_with_the_remedy():
    with (
        pytest.raises(ConfigError, match=r"transport_url: .*%XX") as caught,
        messaging.serving(f"rabbit://virtman:{SECRET}@/", "n1", None),
    ):
        pass
    assert SECRET not in str(caught.value)


def test_so_does_a_library_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "oslo_messaging", None)
    with (
        pytest.raises(ConfigError, match=r"vmthunder\[messaging\]"),
        messaging.serving("rabbit://broker/", "n1", None),
    ):
        pass


# What can be called.


def test_the_verbs_can_be_called_and_nothing_else():
    endpoint = Endpoint(Recorder(), CallCounter())
    assert {name for name in dir(endpoint) if name[0] != "_"} == {"target"}
    for verb in SCHEMAS:
        assert getattr(endpoint, verb)({}) == {"result": "done"}
    for name in ("call", "finish", "oslo_rpc_server_ping"):
        with pytest.raises(AttributeError):
            getattr(endpoint, name)


def test_arguments_may_have_any_name():
    verbs = Recorder()
    odd = {"self": 1, "verb": 2, "context": 3}
    Endpoint(verbs, CallCounter()).create({}, **odd)
    assert verbs.calls == [("create", odd)]


def test_at_the_end_calls_are_finished_and_none_are_begun():
    calls, begun, end = CallCounter(), threading.Event(), threading.Event()

    def work():
        with calls.counted():
            begun.set()
            end.wait(PATIENCE)

    worker = threading.Thread(target=work)
    closer = threading.Thread(target=calls.finish)
    worker.start()
    assert begun.wait(PATIENCE)
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    end.set()
    closer.join(PATIENCE)
    worker.join(PATIENCE)
    assert not closer.is_alive()
    with pytest.raises(Failure, match="is ending"), calls.counted():
        pass


# The log.


def ours(caplog):
    """Return what the filter logged; connections of other tests log, too."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == broker_log.__name__
    ]


@pytest.fixture
def log_of(caplog):
    """Have the library say something; return what is in the log of it."""
    clock = [0.0]
    outage = BrokerLogFilter("broker:5672", lambda: clock[0])

    def say(level, text, after=1.0):
        clock[0] += after
        caplog.clear()
        caplog.set_level(logging.DEBUG)
        record = logging.makeLogRecord(
            {"levelno": level, "msg": "%s", "args": (text,)}
        )
        seen = [text] if outage.filter(record) else []
        return seen + ours(caplog)

    return say


REFUSED = "[1] AMQP server on broker:5672 is unreachable: refused"
BACK = "[1] Reconnected to AMQP server on broker:5672"


def test_that_the_broker_is_away_is_said_once_and_when_it_is_back(log_of):
    for _ in range(2):
        [away] = log_of(logging.ERROR, REFUSED)
        assert "broker:5672 is away" in away and REFUSED in away
        for _ in range(20):
            assert log_of(logging.ERROR, "Connection failed: refused") == []
            assert log_of(logging.INFO, "trying to reconnect") == []
        assert log_of(logging.INFO, BACK) == [
            "the broker at broker:5672 is back"
        ]
        assert log_of(logging.INFO, BACK) == []


def test_what_two_connections_see_at_once_is_said_once(caplog):
    together = threading.Barrier(2)

    def now():
        # Both of them have asked before either goes on, if nothing forbids.
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.5)
        return 1.0

    outage = BrokerLogFilter("broker:5672", now)
    caplog.set_level(logging.DEBUG)
    for level, text in ((logging.ERROR, REFUSED), (logging.INFO, BACK)):
        caplog.clear()
        together.reset()
        record = logging.makeLogRecord({"levelno": level, "msg": text})
        threads = [
            threading.Thread(target=outage.filter, args=(record,))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert len(ours(caplog)) == 1


def test_that_it_is_still_away_is_said_now_and_then(log_of):
    assert log_of(logging.ERROR, REFUSED)
    assert not log_of(logging.ERROR, REFUSED, after=SILENCE / 2)
    assert log_of(logging.ERROR, REFUSED, after=SILENCE / 2 + 1)


def test_what_else_the_library_says_is_seen(log_of):
    for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
        assert log_of(level, "something else") == ["something else"]
