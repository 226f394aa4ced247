# SPDX-License-Identifier: Apache-2.0
"""The commands and options of ``python -m lab``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.spec import HOST, MACHINES

_STORY = """\
a first walk:
  python -m lab up --nodes 3             three machines: node1 node2 node3
  python -m lab run node1 -- uname -a
  python -m lab limit node1 4            4 Mbit/s each way; 'none' lifts it
  python -m lab power-off node2          as if its cord were pulled
  python -m lab power-on node2           with the disk it had
  python -m lab down

In a node / is the host's own / (what is written there stays in the node's
memory), /var/lib/virtman is its disk, and /share is one folder for all
nodes and the host: build/lab/NAME/share.  Nodes are 10.77.0.1, .2, ... and
know each other by name.  More in doc/source/lab.rst.

exit codes: that of the command for 'run'; otherwise 0 done, 1 failed,
leftovers found or something missing ('doctor'), 2 wrong usage, 130
interrupted.
"""
NODE_VERBS = {
    "power-off": "cut the power of a node, as if its cord were pulled",
    "power-on": "start it again, with the disk it had",
    "cut": "pull the network cable of a node",
    "mend": "plug it in again",
    "refresh": "let a node see what changed in the host's files",
}

Action = Callable[[argparse.Namespace], int]


def parser(actions: Mapping[str, Action]) -> argparse.ArgumentParser:
    """Return the command line's parser; it puts the action into ``do``."""
    top = argparse.ArgumentParser(
        prog="python -m lab",
        description="A cluster of emulated machines with real kernels.",
        epilog=_STORY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--name",
        default="default",
        type=_name,
        help="which cluster; several may be up (default: %(default)s)",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, text: str, *words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(do=actions[name], verb=name)
        for word in words:
            command.add_argument(word)
        return command

    _up(add("up", "boot the machines; fine to run twice"))
    add("down", "take all down; logs stay")
    add("prepare", "build ahead what machines start from; make system does")
    add("doctor", "try which parts of the lab this host can run")
    for name, text in {
        "status": "show nodes, power, links and bytes",
        "leftovers": "list leftovers; exit code 1 if there are any",
    }.items():
        add(name, text).add_argument("--json", action="store_true")
    _run(add("run", "run a command in a node, as root"))
    for name, text in NODE_VERBS.items():
        add(name, text, "node")
    limit = add("limit", "limit a cable, both ways", "node")
    limit.add_argument("rate", type=_rate, help="Mbit/s, or none")
    console = add("console", "show the end of a node's console", "node")
    console.add_argument("--lines", type=int, default=40)
    return top


def _run(run: argparse.ArgumentParser) -> None:
    run.add_argument("-i", action="store_true", help="pass on stdin")
    run.add_argument("--timeout", type=float, default=86400, help="seconds")
    run.add_argument("node")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")


def _up(up: argparse.ArgumentParser) -> None:
    up.add_argument("names", nargs="*", metavar="NODE", help="their names, or")
    up.add_argument(
        "--nodes",
        type=int,
        metavar="K",
        help="how many, named node1 ... (default: those that are up, or 3)",
    )
    up.add_argument("--memory", type=int, default=1024, help="MiB a node")
    up.add_argument("--disk", type=int, default=4096, help="MiB a node")
    up.add_argument(
        "--cpus",
        type=int,
        default=1,
        help="of a node; emulated, a second one makes it slower",
    )
    up.add_argument(
        "--root",
        type=root,
        default=HOST,
        help="folder that nodes have for /, and their kernel from: one that "
        "tools/debian-root has made (default: the host's own)",
    )
    up.add_argument("--no-udev", action="store_true", help="without udevd")
    up.add_argument(
        "--machine",
        choices=MACHINES,
        default="qemu",
        help="qemu: the stock kernel on an emulated computer (default); "
        "uml: user-mode Linux, a kernel that is a process, far quicker",
    )


def root(text: str) -> str:
    """Return the absolute path of a folder that nodes have for /."""
    return str(Path(text).resolve())


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", text):
        raise argparse.ArgumentTypeError(
            f"the name {text!r} is not usable: write a-z, 0-9 and '-', at "
            "most 31 characters"
        )
    return text


def _rate(text: str) -> float | None:
    return None if text == "none" else float(text)
