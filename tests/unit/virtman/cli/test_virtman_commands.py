# SPDX-License-Identifier: Apache-2.0
"""The command line of ``virtman``: statuses and who may run it."""

from __future__ import annotations

import json
import os

import pytest

from virtman import doctor
from virtman.cli.table import ALONE, TABLE, Commands
from virtman.cmd import host
from virtman.doctor import Finding, Level


@pytest.fixture
def conf(tmp_path):
    file = tmp_path / "virtman.conf"
    file.write_text(
        f"[DEFAULT]\nhost_ip = 127.0.0.1\nstate_dir = {tmp_path}/state\n"
        f"run_dir = {tmp_path}/run\n"
    )
    return file


@pytest.fixture
def virtman(conf, monkeypatch, kernel):
    """Run the command in this process, as root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return lambda *words: host.main(["--config-file", str(conf), *words])


def finds(monkeypatch, *levels):
    findings = [Finding("space", level, level.value, "do") for level in levels]
    monkeypatch.setattr(doctor, "examine", lambda settings: iter(findings))


@pytest.mark.parametrize(
    ("levels", "status"),
    [
        ((), 0),
        ((Level.OK, Level.WARNING), 0),
        ((Level.ERROR, Level.OK), 1),
    ],
)
def test_an_error_is_the_status_and_a_warning_is_not(
    virtman, monkeypatch, capsys, levels, status
):
    finds(monkeypatch, *levels)
    assert virtman("check", "-f", "json") == status
    rows = json.loads(capsys.readouterr().out)
    assert [item["what"] for item in rows] == [level.value for level in levels]


def test_an_error_counts_also_when_only_problems_are_told(
    virtman, monkeypatch, capsys
):
    finds(monkeypatch, Level.OK, Level.ERROR)
    assert virtman("check", "--problems", "-f", "value") == 1
    assert capsys.readouterr().out == "space error error do\n"


@pytest.mark.parametrize("command", ALONE)
def test_whoever_is_not_root_is_told_so(virtman, monkeypatch, capsys, command):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert virtman(command) == 2
    assert "run it as root" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(TABLE))
def test_each_command_of_the_table_is_there_and_says_what_it_does(command):
    command_class, name, _ = Commands().find_command(command.split())
    assert name == command
    assert command_class.__doc__
