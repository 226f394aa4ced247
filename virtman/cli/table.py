# SPDX-License-Identifier: Apache-2.0
"""Lists the commands of ``virtman``: one class each, in a file here.

The table is here and not among the entry points of the package: for these
cliff would search every package that is installed.
"""

from __future__ import annotations

import importlib.metadata

from cliff import commandmanager

TABLE = {
    "burst": "burst:Burst",
    "check": "check:Check",
    "purge": "purge:TakeAway",
    "instance list": "instances:ListInstances",
    "instance show": "instances:ShowInstance",
    "instance create": "instances:CreateInstance",
    "instance delete": "instances:DeleteInstance",
    "image list": "images:ListImages",
    "image show": "images:ShowImage",
    "target list": "targets:ListTargets",
    "target create": "targets:CreateTarget",
    "target delete": "targets:DeleteTarget",
    "store list": "stores:ListStores",
    "store delete": "stores:DeleteStore",
}
# The commands that look at the host themselves, as root; burst asks Nova, the
# others ask the agent.
ALONE = ("check", "purge")


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
        lines.append(f"  {name:<16} {summary.rstrip('.')}")
    lines.append(f"  {'complete':<16} Print the completion for bash")
    return "\n".join([*lines, ""])


def _entry(name: str, where: str) -> importlib.metadata.EntryPoint:
    return importlib.metadata.EntryPoint(
        name, f"virtman.cli.{where}", "virtman.cli"
    )
