# SPDX-License-Identifier: Apache-2.0
"""volt-api as operators meet it: it starts, serves, refuses and ends."""

import os
import pathlib
import signal
import subprocess
import threading

import pytest
from volt_process import COMMAND, ROOT, TOKEN

from volt.cmd.api import main
from voltclient import Client
from voltclient.exceptions import HTTPUnauthorized


def run(*args):
    return subprocess.run(
        [*COMMAND, *args],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_serves_who_shows_the_token_and_ends_cleanly(new_volt):
    volt = new_volt().start()
    assert Client(volt.endpoint, token=TOKEN).volumes.list() == []
    with pytest.raises(HTTPUnauthorized, match="X-Auth-Token"):
        Client(volt.endpoint).volumes.list()
    assert volt.end(signal.SIGTERM) == 0
    assert "Traceback" not in volt.log


def test_what_was_answered_survives_a_kill(new_volt):
    volt = new_volt().start()
    client = Client(volt.endpoint, token=TOKEN)
    for name in ("n1", "n2", "n3"):
        client.volumes.assign("v", name, "3260", "iqn.2026-01.x:v", "1")
    before = client.volumes.list("v")
    volt.kill()
    volt.start()
    assert Client(volt.endpoint, token=TOKEN).volumes.list("v") == before
    assert [one.peer_id for one in before] == ["n1:v", "n2:v", "n3:v"]
    assert volt.end(signal.SIGINT) == 0


def test_a_session_leader_and_first_process_serves_and_ends(new_volt):
    """setpgid, which the original called, fails for both."""
    prefix = ["setsid"]
    if os.geteuid() == 0:
        # The signal goes to unshare's child: exec keeps the process ids.
        prefix = ["unshare", "--pid", "--fork", "--kill-child", "setsid"]
    volt = new_volt().start(*prefix)
    assert Client(volt.endpoint, token=TOKEN).volumes.list() == []
    inner = volt.process.pid
    if os.geteuid() == 0:
        inner = int(
            pathlib.Path(f"/proc/{inner}/task/{inner}/children").read_text()
        )
    os.kill(inner, signal.SIGTERM)
    assert volt.process.wait(60) == 0


def test_a_port_in_use_is_reported_at_once_with_the_remedy(new_volt):
    first = new_volt().start()
    told = run(f"--config-file={first.conf}")
    assert told.returncode == 1
    assert f"port {first.port}" in told.stderr
    assert "in use" in told.stderr
    assert "bind_port" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("bind_prot", "1", "[DEFAULT] has no option bind_prot"),
        ("bind_port", "x", "[DEFAULT] bind_port"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(
    new_volt, capsys, option, value, named
):
    assert main([f"--config-file={new_volt(**{option: value}).conf}"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("volt-api: ")
    assert named in told


def test_help_says_what_it_is_for_and_how_it_ends(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    for word in ("tree", "/etc/volt/volt.conf", "SIGTERM", "exits with"):
        assert word in told


def test_an_unknown_argument_is_a_wrong_command_line():
    with pytest.raises(SystemExit) as ended:
        main(["--nosuch"])
    assert ended.value.code == 2


def test_a_silent_node_is_evicted(new_volt):
    volt = new_volt(heartbeat_interval=0.2, missed_beats=5).start()
    client = Client(volt.endpoint, token=TOKEN)
    iqn = "iqn.2010-10.org.openstack:v"
    alive = {"session_name": "v", "peer_id": "n2:v", "host": "n2"}
    alive |= {"port": "3260", "iqn": iqn, "lun": "1"}
    client.volumes.assign("v", "n1", "3260", iqn, "1")
    turn = threading.Event()
    for _ in range(300):
        client.members.beat([alive])
        names = {one.peer_id for one in client.volumes.list("v")}
        if names == {"n2:v"}:
            return
        turn.wait(0.1)
    pytest.fail(f"{names} are there after 30 s")
