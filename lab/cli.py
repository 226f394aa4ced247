# SPDX-License-Identifier: Apache-2.0
"""The lab by hand: ``python -m lab up``, ``run``, ``cut``, ``down``, ..."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence

from lab.cluster import CHECKOUT, Cluster
from lab.errors import LabError
from lab.spec import NodeSpec

_STORY = """\
a first walk:
  python -m lab up --nodes 3             three machines: node1 node2 node3
  python -m lab run node1 -- uname -a
  python -m lab limit node1 4            4 Mbit/s each way; 'none' lifts it
  python -m lab power-off node2          as if its cord were pulled
  python -m lab power-on node2           with the disk it had
  python -m lab down

In a node / is the host's own / (writes go to the node's memory),
/var/lib/virtman is its disk and /share is one folder for all nodes and the
host: build/lab/NAME/share.  Nodes are 10.77.0.1, .2, ... and know each
other by name.  More in doc/source/lab.rst.

exit codes: that of the command for 'run'; otherwise 0 done, 1 failed or
leftovers found, 2 wrong usage, 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        code: int = args.do(args)
        return code
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="A cluster of emulated machines with real kernels.",
        epilog=_STORY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--name",
        default="default",
        type=_name,
        help="which cluster; several may be up (default: %(default)s)",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, do: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(do=do)
        return command

    up = add("up", _up, "boot the machines; fine to run twice")
    up.add_argument("names", nargs="*", metavar="NODE")
    up.add_argument("--nodes", type=int, help="so many: node1, node2, ...")
    up.add_argument("--memory", type=int, default=1024, help="MiB a node")
    up.add_argument("--disk", type=int, default=4096, help="MiB a node")
    up.add_argument("--cpus", type=int, default=1, help="of a node")
    up.add_argument("--no-udev", action="store_true", help="no udevd")
    add("down", _down, "take all down; logs stay")
    status = add("status", _status, "show nodes, power, links and bytes")
    status.add_argument("--json", action="store_true")
    add("leftovers", _leftovers, "list what is left; 1 if there is anything")

    run = add("run", _run, "run a command in a node, as root")
    run.add_argument("-i", action="store_true", help="pass on stdin")
    run.add_argument("--timeout", type=float, default=86400, help="seconds")
    run.add_argument("node")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")

    verbs = {
        "power-off": ("power_off_hard", "cut the power of a node"),
        "power-on": ("power_on", "start it again with the disk it had"),
        "cut": ("cut_link", "pull the cable of a node"),
        "mend": ("restore_link", "plug it in again"),
    }
    for name, (method, text) in verbs.items():
        verb = add(name, _verb, text)
        verb.set_defaults(method=method)
        verb.add_argument("node")
    limit = add("limit", _limit, "limit a cable, both ways")
    limit.add_argument("node")
    limit.add_argument("rate", type=_rate, help="Mbit/s, or none")
    console = add("console", _console, "show what a node's kernel said")
    console.add_argument("node")
    console.add_argument("--lines", type=int, default=40)
    return parser


def _cluster(
    args: argparse.Namespace, nodes: Sequence[NodeSpec] = ()
) -> Cluster:
    folder = CHECKOUT / "build" / "lab" / args.name
    return Cluster(folder, nodes, say=lambda line: print(line, flush=True))


def _up(args: argparse.Namespace) -> int:
    count = args.nodes or 3
    names = args.names or [f"node{n}" for n in range(1, count + 1)]
    nodes = [
        NodeSpec(name, args.memory, args.cpus, args.disk, not args.no_udev)
        for name in names
    ]
    cluster = _cluster(args, nodes)
    cluster.up()
    return 0


def _down(args: argparse.Namespace) -> int:
    _cluster(args).down()
    return 0


def _status(args: argparse.Namespace) -> int:
    rows = _cluster(args).status()
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    if not rows:
        print(f"cluster {args.name} is down")
    for row in rows:
        print("  ".join(f"{value!s:>12}" for value in row.values()))
    return 0


def _leftovers(args: argparse.Namespace) -> int:
    found = _cluster(args).leftovers()
    for thing in found:
        print(f"{thing['where']}: {thing['kind']} {thing['name']}")
    return int(bool(found))


def _run(args: argparse.Namespace) -> int:
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    if not argv:
        raise LabError("run what? python -m lab run NODE -- COMMAND")
    stdin = sys.stdin.buffer.read() if args.i else None
    node = _cluster(args).node(args.node)
    code = node.stream(
        argv,
        sys.stdout.buffer,
        sys.stderr.buffer,
        stdin=stdin,
        timeout=args.timeout,
    )
    return code if code >= 0 else 128 - code


def _verb(args: argparse.Namespace) -> int:
    getattr(_cluster(args).node(args.node), args.method)()
    return 0


def _limit(args: argparse.Namespace) -> int:
    _cluster(args).node(args.node).limit(args.rate)
    return 0


def _console(args: argparse.Namespace) -> int:
    node = _cluster(args).node(args.node)
    print(node.machine.console_tail(args.lines))
    return 0


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: use a-z, 0-9 and '-'")
    return text


def _rate(text: str) -> float | None:
    return None if text == "none" else float(text)
