# SPDX-License-Identifier: Apache-2.0
"""Whatever stands in virtman.conf, the agent starts or says what is wrong.

In this process and up to where the agent would look at the host, which it
does when all options make sense; some of the worst files by the real program.
"""

from __future__ import annotations

import logging
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from oslo_config import cfg
from oslo_log import log

from tests.unit import odd_files
from virtman import conf
from virtman.cmd import agent
from virtman.conf import opts
from virtman.doctor import prerequisites
from virtman.drivers import udev
from virtman.exception import MissingTools

STARTED, LACKS, BAD = 0, 1, 2
FIRST = "host_ip = 127.0.0.1"
HOST = "this test's host lacks everything"
FUZZ = settings(
    max_examples=300, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def names():
    """Return every option that may stand in [DEFAULT]."""
    known = cfg.ConfigOpts()
    log.register_options(known)
    return {*known, *(one.dest for one in [*opts.CLI, *opts.OPTIONS])} - {
        "config_file", "config_dir", "config_source", "shell_completion",
    }  # fmt: skip


@pytest.fixture(autouse=True)
def as_before():
    """Take back what a program that logs does to this process."""
    hook, root = sys.excepthook, logging.getLogger()
    levels = {
        name: one.level
        for name, one in logging.Logger.manager.loggerDict.items()
        if isinstance(one, logging.Logger)
    }
    handlers, level = root.handlers[:], root.level
    yield
    sys.excepthook = hook
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run the agent on a file until it asks for the host; code and words."""

    def check(options, cache):
        agent._coordinator(options)
        raise MissingTools(HOST)

    monkeypatch.setattr(prerequisites, "check", check)
    monkeypatch.setattr(udev, "install", lambda: True)
    monkeypatch.setattr(conf, "DEFAULT_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "virtman.conf"

    def main(content):
        file.write_bytes(content)
        root = logging.getLogger()
        code = agent.main(["--config-file", str(file)])
        for handler in root.handlers[:]:
            root.removeHandler(handler)
        return code, capfd.readouterr().err

    main.file = file
    return main


def judge(run, code, said, *mention):
    """Hold what is said to its form."""
    assert "Traceback" not in said
    assert code in (LACKS, BAD), said
    assert "virtman-server: " in said
    if code == LACKS:
        assert HOST in said
    else:
        named = [str(run.file), *mention]
        assert any(word in said for word in named), said


def test_each_option_with_each_odd_value_is_taken_or_named(run):
    for name, value, content in odd_files.each_option(names(), FIRST):
        code, said = run(content)
        try:
            judge(run, code, said, name, "no such option", "rpc_host")
        except AssertionError as error:
            raise AssertionError(f"{name} = {value!r}: {error}") from error


@FUZZ
@given(
    odd_files.files(
        names(), ["DEFAULT", "volt", "privsep_virtman", "x"], FIRST
    )
)
def test_any_file_starts_the_agent_or_is_named_with_what_is_wrong(
    run, content
):
    code, said = run(content)
    judge(run, code, said, *names(), "auth_type", "no such option")
