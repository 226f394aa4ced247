# SPDX-License-Identifier: Apache-2.0
"""Whatever stands in volt.conf, volt starts or says what is wrong with it.

In this process, with all but the socket and the serving: the registry is
opened, the door is built, the log is set up.
"""

import logging
import sys
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from oslo_log import log

from tests.unit import odd_files
from volt import compose, conf
from volt.cmd import api, manage

FIRST = "auth_strategy = noauth\nbind_host = 127.0.0.1"
FUZZ = settings(
    max_examples=200, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def names():
    """Return every option that may stand in [DEFAULT]."""
    known = conf.new()
    log.register_options(known)
    return {name for name in known if name != "database"}


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


class Composed:
    """Stands where volt would serve: builds all parts, and ends."""

    def __init__(self, listener, settings, reread):
        compose.compose(settings.options).close()

    def run(self, inbox):
        print("volt-api: STARTED", file=sys.stderr)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run volt-api on a file until it would serve; code and words."""
    monkeypatch.setattr(api, "SingleProcess", Composed)
    monkeypatch.setattr(api.listener, "listen", mock.MagicMock())
    monkeypatch.setattr(
        api, "_supervise", lambda _, settings, *rest: Composed(_, settings, 0)
    )
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "volt.conf"

    def main(content):
        file.write_bytes(content)
        root = logging.getLogger()
        code = api.main([f"--config-file={file}"])
        for handler in root.handlers[:]:
            root.removeHandler(handler)
        return code, capfd.readouterr().err

    main.file = file
    return main


def judge(run, code, said, *mention):
    """Hold what is said to its form."""
    assert "Traceback" not in said
    assert code in (0, 1), said
    if code:
        assert "volt-api: " in said
        named = [str(run.file), *mention]
        assert any(word in said for word in named), said


def test_each_option_with_each_odd_value_is_taken_or_named(run, tmp_path):
    first = f"{FIRST}\nstate_dir = {tmp_path}/state"
    for name, value, content in odd_files.each_option(names(), first):
        code, said = run(content)
        try:
            judge(run, code, said, name, "no such option")
        except AssertionError as error:
            raise AssertionError(f"{name} = {value!r}: {error}") from error


@FUZZ
@given(odd_files.files(names(), ["DEFAULT", "database", "x"], FIRST))
def test_any_file_starts_volt_or_is_named_with_what_is_wrong(run, content):
    code, said = run(content)
    judge(run, code, said, *names(), "no such option")


@pytest.mark.parametrize(
    "content", [b"\xff", b"[DEFAULT]\nstate_dir = $state_dir\n", b"x\n"]
)
def test_volt_manage_says_what_is_wrong_too(tmp_path, capsys, content):
    file = tmp_path / "volt.conf"
    file.write_bytes(content)
    assert manage.main([f"--config-file={file}", "db", "version"]) == 1
    assert "volt-manage: " in capsys.readouterr().err
