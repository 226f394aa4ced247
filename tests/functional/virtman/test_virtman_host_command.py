# SPDX-License-Identifier: Apache-2.0
"""The command ``virtman``, as it is installed, on this very host.

Only ``check`` runs here, which must not change the host; what a host looks
like to it is told by the tests of its parts.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="what it asks answers root alone"
)

SCRIPT = Path(sys.executable).parent / "virtman"
COLUMNS = {"check", "level", "what", "remedy"}
CHECKS = {
    "programs", "kernel", "daemons", "interference", "door", "ports", "space",
    "volt", "leftovers", "privileges",
}  # fmt: skip


@pytest.fixture
def virtman(tmp_path):
    """Run the command with a configuration of its own."""
    file = tmp_path / "virtman.conf"
    file.write_text(
        f"[DEFAULT]\nhost_ip = 127.0.0.1\nstate_dir = {tmp_path}/state\n"
        f"run_dir = {tmp_path}/run\nmaster_ip = 127.0.0.1\nmaster_port = 1\n"
    )

    def run(*words, conf=file, **more):
        return subprocess.run(
            [SCRIPT, "--config-file", str(conf), *words],
            capture_output=True, text=True, timeout=120, check=False, **more,
        )  # fmt: skip

    run.folder = tmp_path
    return run


def test_every_check_finds_something_and_an_error_is_the_status(virtman):
    done = virtman("check", "-f", "json")
    rows = json.loads(done.stdout)
    assert all(set(item) == COLUMNS for item in rows)
    assert {item["check"] for item in rows} == CHECKS
    assert {item["level"] for item in rows} <= {"ok", "warning", "error"}
    bad = [item for item in rows if item["level"] == "error"]
    assert "volt at 127.0.0.1:1 does not answer" in str(bad)
    assert all(item["remedy"] for item in bad)
    assert done.returncode == 1
    assert done.stderr == ""


def test_a_check_makes_nothing(virtman):
    virtman("check")
    assert [f.name for f in virtman.folder.iterdir()] == ["virtman.conf"]


def test_problems_alone_are_told_when_asked(virtman):
    done = virtman("check", "--problems", "-f", "yaml")
    levels = {item["level"] for item in yaml.safe_load(done.stdout)}
    assert "error" in levels
    assert "ok" not in levels


@pytest.mark.parametrize("format_", ["table", "csv", "value"])
def test_the_other_formats_print_too(virtman, format_):
    done = virtman("check", "-f", format_, "-c", "level", "-c", "check")
    assert done.returncode == 1
    assert "leftovers" in done.stdout
    if format_ == "csv":
        first = next(csv.reader(done.stdout.splitlines()))
        assert first == ["check", "level"]


def test_a_configuration_that_makes_no_sense_is_status_2(virtman):
    bad = virtman.folder / "bad.conf"
    bad.write_text("[DEFAULT]\nno_such_option = 1\n")
    done = virtman("check", conf=bad)
    assert done.returncode == 2
    assert "no_such_option" in done.stderr
    assert "Traceback" not in done.stderr
    assert virtman("check", conf="/no/such/file").returncode == 2


def test_a_command_that_is_none_is_status_2(virtman):
    for words in ([], ["chek"], ["check", "--no-such-option"]):
        done = virtman(*words)
        assert done.returncode == 2, words
        assert "usage:" in done.stderr


def test_help_names_the_commands(virtman):
    done = virtman("--help")
    assert done.returncode == 0
    assert "check" in done.stdout
    assert "purge" in done.stdout
    assert "columns: check, level, what, remedy" in (
        virtman("check", "--help").stdout
    )


def test_a_reader_that_has_gone_is_no_failure_to_complain_of(virtman):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [SCRIPT, "check"], stdout=writing, stderr=subprocess.PIPE,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == ""
