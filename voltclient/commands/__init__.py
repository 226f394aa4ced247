# SPDX-License-Identifier: Apache-2.0
"""The commands of ``volt``, one file a noun, and the table of all of them.

The table is here and not among the entry points of the package: reading
those took a tenth of the time of a whole command, and takes longer the more
packages there are on the host.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import itertools
from collections.abc import Sequence

from cliff import commandmanager

TABLE = {
    "image list": "images:ListImages",
    "image show": "images:ShowImage",
    "member list": "members:ListMembers",
    "member show": "members:ShowMember",
    "peer list": "peers:ListPeers",
    "peer remove": "peers:RemovePeer",
    "tree": "trees:ShowTree",
    "volume delete": "volumes:DeleteVolume",
    "volume list": "volumes:ListVolumes",
    "volume show": "volumes:ShowVolume",
}


class Commands(commandmanager.CommandManager):
    """Finds commands in the table; each is imported when it is run."""

    def __init__(self) -> None:
        super().__init__(namespace=None)
        for name, where in TABLE.items():
            self.commands[name] = _entry(name, where)


def overview() -> str:
    """Return each command with the first line of its description."""
    lines = ["commands:"]
    for name, where in TABLE.items():
        summary = (_entry(name, where).load().__doc__ or "").partition("\n")[0]
        lines.append(f"  {name:<14} {summary.rstrip('.')}")
    lines.append(f"  {'complete':<14} Print the completion for bash")
    return "\n".join([*lines, ""])


def unknown(argv: Sequence[str]) -> str:
    """Return the error for an unknown command, with commands like it."""
    words = list(itertools.takewhile(lambda word: word[:1] != "-", argv))
    named = " ".join(words or argv)
    near = difflib.get_close_matches(named, TABLE, n=1, cutoff=0.8)
    near = near or [name for name in TABLE if name.startswith(argv[0])]
    meant = f"; did you mean {' or '.join(near)}?" if near else ";"
    return f"there is no command {named!r}{meant} 'volt --help' lists them"


def _entry(name: str, where: str) -> importlib.metadata.EntryPoint:
    return importlib.metadata.EntryPoint(
        name, f"{__name__}.{where}", "volt.commands"
    )
