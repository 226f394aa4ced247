# SPDX-License-Identifier: Apache-2.0
"""The drivers against what the real tools say; no root, no kernel feature."""

from __future__ import annotations

import pathlib

import pytest

from virtman import privsep

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
