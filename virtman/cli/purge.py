# SPDX-License-Identifier: Apache-2.0
"""``virtman purge`` removes everything that the agent made on this host."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from virtman.cache import engine
from virtman.cli import base
from virtman.conf import Settings
from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.coordinator.protocol import Alone
from virtman.drivers import processes
from virtman.drivers.connector import Connector
from virtman.exception import ConfigError, InUse
from virtman.image.services import Services
from virtman.inventory import holders
from virtman.inventory.resources import Resource
from virtman.node.purge import Purge
from virtman.state import files
from virtman.state.intents import Intents

REMOVED, KEPT, LEFT = "removed", "kept", "left"


class TakeAway(base.List):
    """Remove everything of the agent from this host, and nothing else.

    Devices, sessions, targets, loop and NBD devices, storage daemons, and the
    files that the agent has made, the copy-on-write stores of VMs among them.
    Lists what it would remove and asks before.  Refuses while virtman-server
    runs, and while any of it is in use.
    """

    columns = ("kind", "name", "result")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with the options of a purge."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "-y", "--yes", action="store_true", help="do not ask before"
        )
        parser.add_argument(
            "--keep-data",
            action="store_true",
            help="leave what VMs have written: the next virtman-server puts "
            "their disks together again",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Purge the host; return the columns, and a row for each resource."""
        _refuse_beside_an_agent()
        purge = Purge(
            _services(self.settings), keep_data=parsed_args.keep_data
        )
        before = purge.list_resources()
        going = [resource for resource in before if not purge.keeps(resource)]
        errors: list[str] = []
        if going:
            _refuse_in_use(holders.reasons())
            if not parsed_args.yes:
                self._ask(going)
            errors = purge.run()
        rows = _results(before, purge)
        for error in errors:
            self.fail(error, base.WRONG)
        if errors or any(row[2] == LEFT for row in rows):
            self.status = base.WRONG
        return self.columns, rows

    def _ask(self, going: Sequence[Resource]) -> None:
        """List the resources that would go; raise unless the answer is yes.

        :raises ConfigError: the answer is not yes, or there is no terminal.
        """
        err = self.app.stderr
        for resource in going:
            print(f"{resource.kind} {resource.name}", file=err)
        if not sys.stdin.isatty():
            raise ConfigError(
                "standard input is not a terminal, so the question cannot be "
                "answered; give --yes"
            )
        print(f"Take these {len(going)} away? [y/N] ", end="", file=err)
        err.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise ConfigError("nothing was removed")


def _results(
    before: Sequence[Resource], purge: Purge
) -> list[tuple[str, ...]]:
    """Return a row for each resource: removed, kept or left."""
    after = set(purge.list_resources())

    def result(resource: Resource) -> str:
        if resource not in after:
            return REMOVED
        return KEPT if purge.keeps(resource) else LEFT

    return [
        (resource.kind, resource.name, result(resource)) for resource in before
    ]


def _refuse_beside_an_agent() -> None:
    agents = processes.agents()
    if agents:
        numbers = ", ".join(map(str, agents))
        raise InUse(
            f"virtman-server runs (process {numbers}) and would make anew "
            "what goes; stop it first ('systemctl stop virtman-server'), VMs "
            "go on meanwhile"
        )


def _refuse_in_use(reasons: Sequence[str]) -> None:
    if reasons:
        lines = "\n  ".join(reasons)
        raise InUse(
            "nothing was removed, for it is in use; end these uses (stop "
            f"the VMs, destroy the disks of other nodes) and try again:\n  "
            f"{lines}"
        )


def _services(settings: Settings) -> Services:
    """Return the services of a purge, without volt.

    volt evicts the node by itself when it misses the node's beats.
    """
    return Services(
        settings,
        engine.load(settings),
        Connector(files.locks_folder(settings.run_dir)),
        Alone(),
        BeatSchedule(settings.heartbeat_interval),
        Intents(files.intents_folder(settings.state_dir)),
    )
