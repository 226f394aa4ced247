# SPDX-License-Identifier: Apache-2.0
"""A keystone that is away, silent, or does not know volt."""

import socket
import threading
import time

from keystone_callers import (
    BEAT,
    JOIN,
    LIST,
    REGISTER,
    ask,
    configured,
    refused,
    wait_until,
)


def test_while_keystone_is_away_who_is_known_goes_on_and_others_wait(
    start_before_keystone, keystone
):
    volt = start_before_keystone()
    known, new = keystone.admin().get_token(), keystone.admin().get_token()
    assert ask(volt, known, *LIST).ok
    keystone.stop()
    try:
        for _ in range(3):
            answer = ask(volt, new, *LIST)
            assert "keystone" in refused(answer, 503, "unavailable")
            assert 1 <= int(answer.headers["Retry-After"]) <= 30
            assert ask(volt, known, *LIST).ok
            refused(ask(volt, None, *LIST), 401, "unauthorized")
    finally:
        keystone.start()
    assert wait_until(lambda: ask(volt, new, *LIST), 200).json() == []
    assert "Traceback" not in volt.log


def test_a_keystone_that_never_answers_is_not_asked_by_everybody(
    start_before_keystone, keystone, sessions
):
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v3"
        volt = start_before_keystone("http_connect_timeout = 1\n", url=url)
        token = sessions["admin"].get_token()
        began = time.monotonic()
        refused(ask(volt, token, *LIST), 503, "unavailable")
        first = time.monotonic() - began
        # They would take as long, one after the other.
        began = time.monotonic()
        for _ in range(20):
            refused(ask(volt, token, *LIST), 503, "unavailable")
        assert time.monotonic() - began < 10 * first


def test_volt_s_own_login_refused_is_told_in_the_log(keystone, tmp_path):
    volt = configured(tmp_path, keystone)
    volt.conf.write_text(
        volt.conf.read_text().replace(keystone.password, "wrong")
    )
    volt.start()
    try:
        refused(ask(volt, keystone.admin(), *LIST), 503, "unavailable")
        assert "rejected authorization" in volt.log
    finally:
        volt.kill()


def test_nodes_that_keystone_keeps_out_are_not_evicted(
    start_before_keystone, keystone, sessions
):
    volt = start_before_keystone(
        "token_cache_time = -1\n", heartbeat_interval=0.5, missed_beats=12
    )
    node = sessions["virtman"].get_token()
    assert ask(volt, node, *JOIN).ok
    assert ask(volt, node, *REGISTER).ok
    keystone.stop()
    try:
        end = time.monotonic() + 8  # the limit is 6
        while time.monotonic() < end:
            assert ask(volt, node, *BEAT).status_code == 503
            threading.Event().wait(0.1)
    finally:
        keystone.start(wait=False)
    (told,) = wait_until(lambda: ask(volt, node, *BEAT), 200).json()
    assert told["peer_id"] == "n1:v"
    assert volt.log.count("eviction is suspended") == 1
