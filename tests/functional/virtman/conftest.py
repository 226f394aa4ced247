# SPDX-License-Identifier: Apache-2.0
"""The drivers against what the real tools say; no root, no kernel feature."""

from __future__ import annotations

import pathlib

import pytest

from virtman import privsep

DATA = pathlib.Path(__file__).parents[2] / "data" / "virtman"


@pytest.fixture
def captured():
    """Return the text of one captured output by its file's name."""
    return lambda name: (DATA / name).read_text()


@pytest.fixture
def command(monkeypatch):
    """Let a test stand before every command: it gets argv, returns argv.

    Commands run in this process and as this user.
    """
    run = privsep._run
    monkeypatch.setattr(privsep.context, "client_mode", False)

    def before(change):
        monkeypatch.setattr(
            privsep,
            "_run",
            lambda argv, *rest: run(change(list(argv)), *rest),
        )

    return before


@pytest.fixture
def say(monkeypatch):
    """Let every command print the given text, whatever it is asked."""
    monkeypatch.setattr(privsep.context, "client_mode", False)

    def answer(text):
        monkeypatch.setattr(privsep, "_run", lambda *_: text)

    return answer
