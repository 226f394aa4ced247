# SPDX-License-Identifier: Apache-2.0
"""Several processes on one socket and one registry."""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import socket

import pytest
from volt_clients import KeptConnection, Load, clients_of
from volt_process import TOKEN, until

from voltclient import Client


@pytest.fixture
def volt(new_volt):
    volt = new_volt(workers=3).start()
    volt.logged("3 workers serve")
    return volt


@pytest.fixture
def connections(volt):
    """Connections, of which two workers at least have some each."""
    with contextlib.ExitStack() as stack:
        made = {}

        def served():
            one = stack.enter_context(
                contextlib.closing(KeptConnection(volt.port))
            )
            assert one.get() == 200
            made[one.port] = one
            taken = {p: clients_of(p, volt.port) for p in volt.workers}
            taken = {p: ports for p, ports in taken.items() if ports}
            return taken if len(taken) > 1 and len(made) > 5 else None

        yield made, until(served, "two workers have clients")


def test_a_killed_worker_takes_only_its_own_connections_along(
    volt, connections
):
    made, taken = connections
    victim, lost = next(iter(taken.items()))
    others = set(volt.workers) - {victim}
    os.kill(victim, signal.SIGKILL)
    for port, connection in made.items():
        if port not in lost:
            assert connection.get() == 200
            assert not connection.closes
    until(lambda: len(set(volt.workers) - {victim}) == 3, "it is replaced")
    assert others < set(volt.workers)
    volt.logged(f"worker {victim} was killed by SIGKILL")
    for port in lost:
        with pytest.raises((OSError, ConnectionError)):
            made[port].get()


def test_new_connections_are_served_while_a_worker_dies(volt):
    with Load(volt.port, threads=3) as load:
        idle = next(
            (p for p in volt.workers if not clients_of(p, volt.port)), None
        )
        victim = idle or volt.workers[0]
        os.kill(victim, signal.SIGKILL)
        load.more(50)
        until(lambda: len(set(volt.workers) - {victim}) == 3, "replaced")
        load.more(50)
    # A request that the dead one was at may be lost, no other one.
    assert len(load.failures) <= (0 if idle else 3), load.failures


def test_the_supervisor_keeps_no_connection_to_the_registry(volt):
    def opened(pid):
        links = pathlib.Path(f"/proc/{pid}/fd").iterdir()
        return [one for one in links if "sqlite" in str(one.readlink())]

    assert Client(volt.endpoint, token=TOKEN).volumes.list() == []
    assert opened(volt.process.pid) == []
    assert any(opened(pid) for pid in volt.workers)


def test_all_workers_build_one_tree(volt):
    names = [f"n{number}" for number in range(24)]

    def join(name):
        client = Client(volt.endpoint, token=TOKEN)
        return client.volumes.assign(
            "v", name, "3260", "iqn.2026-01.x:v", "1"
        ).peer_id

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = list(pool.map(join, names))
    assert told == [f"{name}:v" for name in names]
    tree = Client(volt.endpoint, token=TOKEN).volumes.list("v")
    assert sorted(peer.host for peer in tree) == sorted(names)


def test_a_worker_that_cannot_work_is_tried_again_after_growing_pauses(volt):
    token = volt.folder / "token"
    secret = token.read_text()
    token.write_text("short\n")
    os.kill(volt.workers[0], signal.SIGKILL)
    volt.logged("cannot work as configured: token_file")
    volt.logged("the next one begins in 1.0 s")
    volt.logged("the next one begins in 2.0 s")
    with Load(volt.port) as load:
        load.more(20)
    assert load.failures == []
    assert len(volt.workers) == 2
    token.write_text(secret)
    until(lambda: len(volt.workers) == 3, "it works again")
    assert volt.end() == 0


def test_workers_go_when_their_supervisor_is_killed(volt):
    workers = volt.workers
    volt.process.kill()
    volt.process.wait()
    until(
        lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in workers),
        "the workers are gone",
    )
    socket.create_server(("127.0.0.1", volt.port), reuse_port=False).close()
    volt.logged("the supervisor is gone", times=3)


def test_what_the_first_workers_refuse_ends_the_service(new_volt):
    volt = new_volt(workers=2, default_executor="nosuch")
    volt.start(wait=False)
    assert volt.process.wait(60) == 1
    assert "volt-api: " in volt.log
    assert "nosuch" in volt.log
    assert "Traceback" not in volt.log


def test_a_hung_worker_is_replaced_if_there_is_a_watchdog(new_volt):
    volt = new_volt(workers=2)
    volt.start(env=os.environ | {"WATCHDOG_USEC": "1500000"})
    volt.logged("2 workers serve")
    victim = volt.workers[0]
    os.kill(victim, signal.SIGSTOP)
    volt.logged(f"worker {victim} is hung")
    until(lambda: len(set(volt.workers) - {victim}) == 2, "it is replaced")


def test_a_worker_that_an_operator_ends_finishes_and_is_replaced(volt):
    victim = volt.workers[0]
    os.kill(victim, signal.SIGTERM)
    volt.logged(f"worker {victim} has ended with exit code 0")
    until(lambda: len(set(volt.workers) - {victim}) == 3, "it is replaced")
