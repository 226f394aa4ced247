# SPDX-License-Identifier: Apache-2.0
"""The commands of the lab: ``python -m lab up``, ``run``, ``down``, ..."""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from lab import arguments, doctor, initramfs, xstate
from lab.cluster import CHECKOUT, Cluster
from lab.errors import LabError, MissingTool
from lab.spec import NodeSpec


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the lab; return its exit code."""
    args = arguments.parser(_ACTIONS).parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        code: int = args.do(args)
        return code
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output is gone; Python's own flush would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _cluster(args: Namespace, nodes: Sequence[NodeSpec] = ()) -> Cluster:
    folder = CHECKOUT / "build" / "lab" / args.name
    return Cluster(folder, nodes, say=lambda line: print(line, flush=True))


def _up(args: Namespace) -> int:
    there = _cluster(args)
    if there.specs and not (args.names or args.nodes):
        there.up()
        return 0
    names = args.names or [f"node{n + 1}" for n in range(args.nodes or 3)]
    nodes = [
        NodeSpec(
            name,
            args.memory,
            args.cpus,
            args.disk,
            not args.no_udev,
            args.machine,
            args.root,
        )
        for name in names
    ]
    _cluster(args, nodes).up()
    return 0


def _down(args: Namespace) -> int:
    _cluster(args).down()
    return 0


def _status(args: Namespace) -> int:
    rows = _cluster(args).status()
    if args.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        _table(rows)
    else:
        print(f"cluster {args.name} is down")
    return 0


def _table(rows: Sequence[Mapping[str, Any]]) -> None:
    lines = [list(rows[0]), *([str(v) for v in r.values()] for r in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (c.ljust(w) for c, w in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def _leftovers(args: Namespace) -> int:
    leftovers = _cluster(args).leftovers()
    if args.json:
        print(json.dumps(leftovers, indent=1))
        return int(bool(leftovers))
    for resource in leftovers:
        print(f"{resource['where']}: {resource['kind']} {resource['name']}")
    return int(bool(leftovers))


def _run(args: Namespace) -> int:
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    if not argv:
        raise LabError(
            "no command is given: write python -m lab run NODE -- COMMAND"
        )
    node = _cluster(args).node(args.node)
    stdin = sys.stdin.buffer.read() if args.i else None
    return node.stream(
        argv,
        sys.stdout.buffer,
        sys.stderr.buffer,
        stdin=stdin,
        timeout=args.timeout,
    )


def _node_verb(args: Namespace) -> int:
    node = _cluster(args).node(args.node)
    {
        "power-off": node.power_off_hard,
        "power-on": node.power_on,
        "cut": node.cut_link,
        "mend": node.restore_link,
        "refresh": node.refresh,
    }[args.verb]()
    return 0


def _limit(args: Namespace) -> int:
    _cluster(args).node(args.node).limit(args.rate)
    return 0


def _console(args: Namespace) -> int:
    node = _cluster(args).node(args.node)
    print(node.machine.console_tail(args.lines))
    return 0


def _doctor(_: Namespace) -> int:
    good = doctor.report(
        doctor.examine(xstate.CACHE), lambda line: print(line, flush=True)
    )
    return 0 if good else 1


def _prepare(_: Namespace) -> int:
    if xstate.library() is None:
        raise MissingTool(f"the C compiler (cc) is missing: {xstate.REMEDY}")
    initramfs.build(xstate.CACHE)
    return 0


_ACTIONS = {
    "prepare": _prepare,
    "doctor": _doctor,
    "up": _up,
    "down": _down,
    "status": _status,
    "leftovers": _leftovers,
    "run": _run,
    "limit": _limit,
    "console": _console,
    "power-off": _node_verb,
    "power-on": _node_verb,
    "cut": _node_verb,
    "mend": _node_verb,
    "refresh": _node_verb,
}
