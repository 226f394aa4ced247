# SPDX-License-Identifier: Apache-2.0
"""What volt-api does with signals, alone and with workers."""

import contextlib
import os
import pathlib
import signal
import socket

import pytest
from volt_clients import KeptConnection, Load, clients_of
from volt_process import TOKEN, children, until

from voltclient import Client

SECOND = "another-secret-of-some-length"

both = pytest.mark.parametrize("workers", [1, 3])


def half_a_request(port):
    """Return a connection with half the body of a request sent."""
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall(
        b"PUT /v1/members/heartbeat HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 2\r\nX-Auth-Token: %s\r\n\r\n{" % TOKEN.encode()
    )
    return connection


def begun(volt):
    """Return half a request of which volt-api has begun to take notice."""
    connection = half_a_request(volt.port)
    mine = connection.getsockname()[1]
    until(
        lambda: any(
            mine in clients_of(pid, volt.port)
            for pid in [volt.process.pid, *volt.workers]
        ),
        "the connection is accepted",
    )
    # What has arrived is read before the next connection is accepted.
    Client(volt.endpoint, token=TOKEN).volumes.list()
    return connection


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return True
    return False


def answer(connection):
    return b"".join(iter(lambda: connection.recv(65536), b""))


@both
def test_a_request_under_way_is_finished_before_the_end(new_volt, workers):
    volt = new_volt(workers=workers, drain_timeout=60).start()
    with begun(volt) as connection:
        volt.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(volt.port), "nothing new is accepted")
        assert volt.process.poll() is None
        connection.sendall(b"}")
        told = answer(connection)
    assert told.startswith(b"HTTP/1.1 200 "), told
    assert b"Connection: close" in told
    assert volt.process.wait(60) == 0


@both
def test_a_client_that_never_finishes_does_not_hold_up_the_end(
    new_volt, workers
):
    volt = new_volt(workers=workers, drain_timeout=0.5).start()
    with begun(volt):
        assert volt.end() == 0
    assert "cut off" in volt.log


@both
def test_a_second_signal_ends_at_once(new_volt, workers):
    volt = new_volt(workers=workers, drain_timeout=3600).start()
    with begun(volt):
        volt.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(volt.port), "nothing new is accepted")
        running = volt.workers
        volt.process.send_signal(signal.SIGINT)
        assert volt.process.wait(60) == 128 + signal.SIGINT
    until(
        lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in running),
        "no worker is left",
    )


@both
def test_an_idle_connection_does_not_hold_up_the_end(new_volt, workers):
    volt = new_volt(workers=workers, drain_timeout=3600).start()
    with contextlib.closing(KeptConnection(volt.port)) as connection:
        assert connection.get() == 200
        assert volt.end() == 0


def test_ctrl_c_reaches_all_processes_and_drains_all_the_same(new_volt):
    volt = new_volt(workers=2, drain_timeout=60)
    volt.start(start_new_session=True)
    volt.logged("2 workers serve")
    with begun(volt) as connection:
        os.killpg(volt.process.pid, signal.SIGINT)
        until(lambda: refuses(volt.port), "nothing new is accepted")
        connection.sendall(b"}")
        assert answer(connection).startswith(b"HTTP/1.1 200 ")
    assert volt.process.wait(60) == 0


@both
def test_a_reload_under_load_loses_no_request(new_volt, workers):
    volt = new_volt(workers=workers).start()
    with Load(volt.port, threads=6) as load:
        for count in range(1, 4):
            volt.process.send_signal(signal.SIGHUP)
            volt.logged("the new configuration is in force", count)
            load.more(100)
    assert load.failures == []
    assert volt.end() == 0


def test_a_reload_replaces_workers_and_keeps_their_number(new_volt):
    volt = new_volt(workers=3).start()
    volt.logged("3 workers serve")
    before = set(volt.workers)
    assert KeptConnection(volt.port).get() == 200
    volt.process.send_signal(signal.SIGHUP)

    def replaced():
        now = set(volt.workers)
        # One old worker may still see off the connection above.
        return len(now - before) == 3 and len(now & before) <= 1

    until(replaced, "three new workers")


def test_an_idle_connection_gets_one_more_answer_after_a_reload(new_volt):
    volt = new_volt(workers=2).start()
    with contextlib.closing(KeptConnection(volt.port)) as connection:
        assert connection.get() == 200
        before = set(volt.workers)
        volt.process.send_signal(signal.SIGHUP)

        def told():
            assert connection.get() == 200
            return connection.closes

        until(told, "an answer says that it is the last one")
    until(lambda: not before & set(volt.workers), "no old worker is left")


@pytest.mark.parametrize("number", [4, 1])
def test_a_reload_changes_the_number_of_workers(new_volt, number):
    volt = new_volt(workers=2).start()
    text = volt.conf.read_text()
    volt.conf.write_text(text.replace("workers = 2", f"workers = {number}"))
    volt.process.send_signal(signal.SIGHUP)
    until(lambda: len(volt.workers) == number, "as many as are wanted")
    assert KeptConnection(volt.port).get() == 200


@both
def test_a_reload_reads_the_secrets_again(new_volt, workers):
    volt = new_volt(workers=workers).start()
    assert KeptConnection(volt.port, SECOND).get() == 401
    with Load(volt.port) as load:
        (volt.folder / "token").write_text(f"{TOKEN}\n{SECOND}\n")
        volt.process.send_signal(signal.SIGHUP)
        until(
            lambda: KeptConnection(volt.port, SECOND).get() == 200,
            "the second secret opens",
        )
    assert load.failures == []


@both
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("fanout = none", "fanout"),
        ("default_executor = nosuch", "nosuch"),
        ("cert_file = /nowhere", "key_file"),
        ("log_config_append = /nowhere", "log_config_append"),
        ("log_dir = /proc/nowhere", "log_dir"),
    ],
)
def test_a_broken_configuration_is_refused_and_the_old_one_goes_on(
    new_volt, workers, broken, reason
):
    volt = new_volt(workers=workers).start()
    good = volt.conf.read_text()
    with Load(volt.port, threads=2) as load:
        before = volt.workers
        volt.conf.write_text(f"{good}{broken}\n")
        volt.process.send_signal(signal.SIGHUP)
        volt.logged("the new configuration is refused")
        load.more(20)
        refusal = volt.log.partition("configuration is refused")[2]
        assert reason in refusal
        assert "Traceback" not in volt.log
        assert volt.workers == before
        volt.conf.write_text(good)
        volt.process.send_signal(signal.SIGHUP)
        volt.logged("the new configuration is in force")
    assert load.failures == []


@both
def test_a_reload_changes_what_is_logged_and_where(new_volt, workers):
    volt = new_volt(workers=workers).start()
    text = volt.conf.read_text()
    volt.conf.write_text(f"{text}log_dir = {volt.folder}\ndebug = true\n")
    volt.process.send_signal(signal.SIGHUP)
    written = volt.folder / "volt-api.log"

    def requests():
        KeptConnection(volt.port).get()
        return written.exists() and "GET" in written.read_text()

    until(requests, "requests are logged into the file")
    written.rename(volt.folder / "moved")
    volt.process.send_signal(signal.SIGHUP)
    until(requests, "the file is opened anew")


def test_what_needs_a_restart_is_said(new_volt):
    volt = new_volt().start()
    text = volt.conf.read_text().replace(
        f"bind_port = {volt.port}", "bind_port = 1"
    )
    volt.conf.write_text(f"{text}workers = 2\n")
    volt.process.send_signal(signal.SIGHUP)
    volt.logged("bind_port has changed, which needs a restart")
    volt.logged("needs a restart (workers)")
    assert KeptConnection(volt.port).get() == 200


@both
def test_the_first_process_of_a_container_reaps_and_ends(new_volt, workers):
    prefix = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    volt = new_volt(workers=workers).start(*prefix)
    (first,) = volt.workers
    assert KeptConnection(volt.port).get() == 200
    if workers > 1:
        volt.logged("3 workers serve")
    serving = set(children(first))
    assert len(serving) == (workers if workers > 1 else 0)
    enter = ["nsenter", "--pid", "--mount", f"--target={first}"]
    os.spawnvp(
        os.P_WAIT, enter[0], [*enter, "sh", "-c", "sleep 3600 >&- 2>&- &"]
    )
    (orphan,) = until(
        lambda: set(children(first)) - serving, "it inherits an orphan"
    )
    os.kill(orphan, signal.SIGKILL)
    until(lambda: set(children(first)) == serving, "the orphan is reaped")
    assert KeptConnection(volt.port).get() == 200
    os.kill(first, signal.SIGTERM)
    assert volt.process.wait(60) == 0


def test_an_order_to_end_that_comes_during_the_start_is_obeyed(new_volt):
    """The first process of a container has no default actions."""
    volt = new_volt()
    # Whoever reads it waits until somebody writes.
    (volt.folder / "token").unlink()
    os.mkfifo(volt.folder / "token", 0o600)
    volt.start("unshare", "--pid", "--fork", "--kill-child")
    (first,) = volt.workers
    os.kill(first, signal.SIGTERM)
    assert volt.process.wait(60) == 0
