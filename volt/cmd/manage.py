# SPDX-License-Identifier: Apache-2.0
"""``volt-manage``: an operator's commands for the registry."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from volt import compose, conf
from volt.exception import ConfigError
from volt.registry import inspection
from volt.registry.schema import State

DESCRIPTION = """
Inspects and upgrades the registry, the database in which volt-api keeps the
images, their sources and the trees of nodes that read them.
"""
EPILOG = """
Without --config-file it reads /etc/volt/volt.conf, as volt-api does; the
database is the one of [database] connection there.  Run it as the user of
volt-api, for example: sudo -u volt volt-manage db check.  It exits with 0
when all is well, with 1 when it cannot reach the database or is not
configured for it, with 2 for a wrong command line, with 3 when the tables in
the database are not those of this version.  volt-manage(8) tells more.
"""
NOT_RIGHT = 3
"""Exit code for tables of another version, or of another program."""

Action = Callable[[cfg.ConfigOpts], int]


def main(args: list[str] | None = None) -> int:
    """Run the command of a command line; return its exit code."""
    parsed = _parser().parse_args(args)
    try:
        action: Action = parsed.action
        return action(_configure(parsed))
    except ConfigError as error:
        print(f"volt-manage: {error}", file=sys.stderr)
        return 1


def _configure(parsed: argparse.Namespace) -> cfg.ConfigOpts:
    options = conf.new()
    # Options of the log may stand in the file; nothing is logged here.
    logging.register_options(options)
    files = [f"--config-file={path}" for path in parsed.config_file]
    folders = [f"--config-dir={path}" for path in parsed.config_dir]
    conf.load(options, files + folders)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "volt-manage", description=DESCRIPTION, epilog=EPILOG
    )
    for option, kind, about in (
        ("--config-file", "FILE", "configuration to read"),
        ("--config-dir", "DIR", "directory of further *.conf files"),
    ):
        parser.add_argument(
            option,
            metavar=kind,
            action="append",
            default=[],
            help=f"{about}; may be given several times, see volt-api(8)",
        )
    about = "the database: its tables, its version, its health"
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    db = commands.add_parser("db", help=about, description=about)
    actions = db.add_subparsers(metavar="COMMAND", required=True)
    for name, (action, short, long) in _ACTIONS.items():
        command = actions.add_parser(
            name, help=short, description=f"{short}. {long}"
        )
        command.set_defaults(action=action)
    return parser


def _upgrade(options: cfg.ConfigOpts) -> int:
    compose.make_state_dir(options)
    before, after = inspection.upgrade(**_database(options))
    if before == after:
        print(f"the tables are at revision {after.revision} already")
    elif before.state is State.EMPTY:
        print(f"the tables are made, at revision {after.revision}")
    else:
        old, new = before.revision, after.revision
        print(f"the tables are upgraded from {old} to {new}")
    return 0


def _version(options: cfg.ConfigOpts) -> int:
    version = inspection.inspect(**_database(options)).version
    print(version.revision or "none", version.state.value)
    return 0 if version.state is State.CURRENT else NOT_RIGHT


def _check(options: cfg.ConfigOpts) -> int:
    report = inspection.inspect(**_database(options))
    print(f"database  {report.url}")
    print(f"server    {report.server}")
    print(f"tables    {report.version.advice}")
    if report.right:
        print(f"answers   in {report.answers_in * 1000:.1f} ms")
        print(f"clock     {report.ahead:+.3f} s from this host's")
        print("changes   are taken")
    return 0 if report.right else NOT_RIGHT


def _database(options: cfg.ConfigOpts) -> dict[str, Any]:
    named = dict(options.database)
    return named | {"url": named.pop("connection")}


_ACTIONS: dict[str, tuple[Action, str, str]] = {
    "upgrade": (
        _upgrade,
        "make the tables, or bring old ones up to date",
        "For a new version of volt: stop every volt-api that uses the "
        "database, make a copy of it, run this, start them again. What is up "
        "to date already stays as it is. With SQLite, volt-api does this "
        "itself when it starts.",
    ),
    "version": (
        _version,
        "tell the revision of the tables, and whether volt can use it",
        "One line for scripts: the revision (or: none), then one of current, "
        "empty, behind (run: volt-manage db upgrade), unknown (made by a "
        "newer volt, or another program), foreign (tables with names of "
        "volt's that volt did not make).",
    ),
    "check": (
        _check,
        "tell whether volt-api could use the database now",
        "Connects as volt-api does and looks at the server, the tables, the "
        "time an answer takes, the difference of the clocks, and whether "
        "changes are taken (with one that is taken back).",
    ),
}
