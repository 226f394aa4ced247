# SPDX-License-Identifier: Apache-2.0
"""Runs the command ``volt`` in this process, with its own environment."""

import dataclasses
import logging
import os

from voltclient.shell import main

OURS = ("VOLT", "OS_")


@dataclasses.dataclass(frozen=True)
class Done:
    """How it ended and what it said."""

    status: int
    out: str
    err: str


def run(args, environ, monkeypatch, capsys):
    """Run it; what it sets up for itself is taken down again."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    with monkeypatch.context() as patch:
        for name in os.environ:
            if name.startswith(OURS):
                patch.delenv(name)
        for name in environ:
            patch.setenv(name, environ[name])
        capsys.readouterr()
        try:
            status = main(list(args))
        except SystemExit as ended:
            status = ended.code or 0
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers
    told = capsys.readouterr()
    return Done(status, told.out, told.err)
