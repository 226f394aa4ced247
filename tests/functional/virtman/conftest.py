# SPDX-License-Identifier: Apache-2.0
"""The drivers against what the real tools say; no root, no kernel feature."""

from __future__ import annotations

import pathlib
import tempfile

import pytest
import tgt_daemon

from virtman import privsep
from virtman.drivers import iscsi

DATA = pathlib.Path(__file__).parents[2] / "data" / "virtman"


def run_in_process(monkeypatch):
    """Have no test start a helper."""
    for context in privsep.CONTEXTS:
        monkeypatch.setattr(context, "client_mode", False)


@pytest.fixture
def captured():
    """Return the text of one captured output by its file's name."""
    return lambda name: (DATA / name).read_text()


@pytest.fixture
def command(monkeypatch):
    """Let a test stand before every command: it gets argv, returns argv.

    Commands run in this process and as this user.
    """
    run = privsep.command.run
    run_in_process(monkeypatch)

    def before(change):
        monkeypatch.setattr(
            privsep.command,
            "run",
            lambda argv, *rest: run(change(list(argv)), *rest),
        )

    return before


@pytest.fixture
def say(monkeypatch):
    """Let every command print the given text, whatever it is asked."""
    run_in_process(monkeypatch)

    def answer(text):
        monkeypatch.setattr(privsep.command, "run", lambda *_: text)

    return answer


@pytest.fixture(scope="module")
def daemon():
    # A socket's path holds 107 bytes; pytest's folders may be longer.
    with tempfile.TemporaryDirectory() as folder:
        running = tgt_daemon.Daemon(pathlib.Path(folder))
        yield running
        running.end()


@pytest.fixture
def tgtd(daemon, command, monkeypatch):
    """The daemon, spoken to by the driver; no target in it."""
    for name, value in daemon.environment.items():
        monkeypatch.setenv(name, value)

    def own(argv):
        # The file system of a test's folder may know no O_DIRECT.
        argv = [w for w in argv if w not in ("--bsoflags", "direct")]
        return [argv[0], "-C", tgt_daemon.CONTROL, *argv[1:]]

    command(own)
    yield daemon
    for target in iscsi.targets():
        tgt_daemon.wait_until_free(target.iqn)
        iscsi.remove(target.iqn)


@pytest.fixture
def disk(tmp_path):
    file = tmp_path / "disk"
    file.write_bytes(bytes(1 << 20))
    return str(file)
