# SPDX-License-Identifier: Apache-2.0
"""The systemd units start what is installed, and stop only that."""

import configparser
import importlib.metadata
from pathlib import Path

import pytest

ETC = Path(__file__).parents[2] / "etc"
UNITS = {
    "volt-api": ETC / "volt/volt-api.service",
    "virtman-server": ETC / "virtman/virtman-server.service",
}
DROP_INS = {"user": ETC / "virtman/virtman-server-user.conf"}


def unit(name):
    # strict: an option given twice is refused.  (But what a filter of system
    # calls takes away again needs a line of its own.)
    file = (UNITS | DROP_INS)[name]
    text = file.read_text().replace("\nSystemCallFilter=~", "\n#")
    parser = configparser.RawConfigParser(delimiters="=")
    parser.optionxform = str
    parser.read_string(text)
    return parser


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_program_of_ours_with_its_own_file(name):
    program, option = unit(name)["Service"]["ExecStart"].split()
    scripts = importlib.metadata.entry_points(group="console_scripts")
    assert Path(program).name == name
    assert name in scripts.names
    service = UNITS[name].parent.name
    assert option == f"--config-file=/etc/{service}/{service}.conf"


@pytest.mark.parametrize("name", UNITS)
def test_wrong_options_are_not_tried_again_for_ever(name):
    assert unit(name)["Service"]["RestartPreventExitStatus"] == "2"


def test_a_stop_of_the_agent_leaves_the_cache_daemons_alone():
    service = unit("virtman-server")["Service"]
    assert service["KillMode"] == "process"
    assert service["OOMPolicy"] == "continue"


def test_a_stop_of_the_agent_leaves_the_daemons_sockets_alone():
    service = unit("virtman-server")["Service"]
    assert "RuntimeDirectory" not in service
    assert not service.get("PrivateTmp")


def test_a_stop_waits_for_the_longest_call():
    from virtman.conf import opts

    defaults = {opt.dest: opt.default for opt in opts.OPTIONS}
    longest = defaults["place_timeout"] + defaults["source_timeout"]
    assert float(unit("virtman-server")["Service"]["TimeoutStopSec"]) > longest


def test_the_coordinator_has_no_privileges():
    service = unit("volt-api")["Service"]
    assert service["User"] == "volt"
    assert service["NoNewPrivileges"] == "yes"
    assert service["StateDirectory"] == "volt"


def test_the_agent_of_a_user_keeps_its_sockets_and_may_call_sudo():
    service = unit("user")["Service"]
    assert service["User"] == service["RuntimeDirectory"] == "virtman"
    assert service["RuntimeDirectoryPreserve"] == "yes"
    assert "NoNewPrivileges" not in service
    rule = (ETC / "sudoers.d/virtman").read_text()
    assert f"\n{service['User']} ALL = (root) NOPASSWD: " in rule
    program = unit("virtman-server")["Service"]["ExecStart"].split()[0]
    helper = Path(program).with_name("virtman-privsep-helper")
    assert f"{helper} " in rule
    scripts = importlib.metadata.entry_points(group="console_scripts")
    assert helper.name in scripts.names
