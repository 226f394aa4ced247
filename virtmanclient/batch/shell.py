# SPDX-License-Identifier: Apache-2.0
"""The common part of vmtrun and vmtimg: options, the run, the exit status."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable, Sequence

from virtmanclient import vmtapi
from virtmanclient.batch import plan, progress, report
from virtmanclient.batch.plan import Grammar, Plan
from virtmanclient.batch.runner import Outcome, Result, Runner, Wire

ALL_GOOD, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

EXIT_STATUS = """
exit status:
  0    every step went well
  1    some step did not: see the table
  2    the file cannot be read, has bad lines (its good lines were still
       worked), or the command was called wrongly
  130  interrupted by Ctrl-C; nodes finish what they had begun
"""


@dataclasses.dataclass(frozen=True)
class Command:
    """The parts in which vmtrun and vmtimg differ."""

    name: str
    default_file: str
    grammar: Grammar
    help: str
    details: str
    more: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds options that the other command lacks."""


def main(command: Command, argv: Sequence[str] | None = None) -> int:
    """Work through a file of steps; return the exit status."""
    options = _parser(command).parse_args(argv)
    try:
        todo = plan.load(options.file, command.grammar)
    except OSError as error:
        print(_unreadable(command, options.file, error), file=sys.stderr)
        return BAD_INPUT
    try:
        token = vmtapi.known_token(options.token_file)
    except (OSError, ValueError) as error:
        print(
            f"{command.name}: the token file cannot be used: {error}; name "
            f"a file that has the token (--token-file)",
            file=sys.stderr,
        )
        return BAD_INPUT
    for bad in todo.bad_lines:
        print(bad, file=sys.stderr)
    wire = Wire(options.port, options.timeout, token)
    results, interrupted = _run(todo, wire)
    status = INTERRUPTED if interrupted else _status(todo, results)
    if options.json:
        _print(report.as_json(todo, results, status))
    else:
        _print(_table(todo, results))
    return status


def _run(todo: Plan, wire: Wire) -> tuple[list[Result], bool]:
    """Run a plan; return its results, and whether it was interrupted."""
    runner = Runner(todo, wire)
    screen = progress.on(sys.stderr, len(todo.steps))
    interrupted = False
    try:
        for event in runner.events(screen.tick):
            screen.show(event)
    except KeyboardInterrupt:
        interrupted = True
        runner.interrupt()
    finally:
        screen.close()
    return [runner.results[step] for step in todo.steps], interrupted


def _status(todo: Plan, results: Sequence[Result]) -> int:
    if todo.bad_lines:
        return BAD_INPUT
    good = all(result.outcome is Outcome.OK for result in results)
    return ALL_GOOD if good else SOME_FAILED


def _table(todo: Plan, results: Sequence[Result]) -> str:
    verdict = f"{todo.file}: {report.verdict(todo, results)}"
    return f"{report.table(results)}\n{verdict}" if results else verdict


def _print(text: str) -> None:
    """Print a text to standard output, whose reader may have gone (head)."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more when it ends: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unreadable(command: Command, file: pathlib.Path, error: OSError) -> str:
    return (
        f"{command.name}: {file}: {error.strerror}; name a file of steps "
        f"(form: {command.name} --help, example: "
        f"etc/virtman/{command.default_file}.sample)"
    )


def _parser(command: Command) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command.name,
        description=command.help,
        epilog=command.details + EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser, command)
    if command.more is not None:
        command.more(parser)
    return parser


def _add_options(parser: argparse.ArgumentParser, command: Command) -> None:
    """Add the options that vmtrun and vmtimg share."""
    parser.add_argument(
        "file",
        nargs="?",
        type=pathlib.Path,
        default=pathlib.Path(command.default_file),
        help="file of steps (default: %(default)s, in this directory)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=vmtapi.PORT,
        help="port of virtman-server (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=600.0,
        metavar="SECONDS",
        help="seconds to wait for a node's answer to a step; the node may "
        "still finish a step that it has begun (default: %(default).0f)",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="file with the token that nodes want (their rpc_token_file; "
        "default: $VIRTMAN_TOKEN_FILE, or no token)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object in place of the table",
    )


def _port(text: str) -> int:
    """Read a port number; argparse turns ValueError into usage."""
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError(text)
    return port


def _seconds(text: str) -> float:
    """Read a number of seconds; argparse turns ValueError into usage."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return seconds
