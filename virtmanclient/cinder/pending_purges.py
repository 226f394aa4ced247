# SPDX-License-Identifier: Apache-2.0
"""Purges that are owed: of volumes that were deleted, or left, a host away.

A small file for each, so that a cinder-volume that is started again still
knows.  They are tried again as long as the host does not answer.
"""

import json
import logging
import re
from pathlib import Path

from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable

LOG = logging.getLogger(__name__)
# Without a host: as it was noted before volumes went from host to host.
_OF = re.compile("(?P<volume>[0-9a-f-]{36})(@[A-Za-z0-9._-]{1,100})?")


class Debts:
    """The purges that are owed by this backend.

    :param folder: where they are noted; made when it is needed
    """

    def __init__(self, folder: Path, agents: Agents) -> None:
        self._folder = folder
        self._agents = agents

    def add(self, volume: str, host: str, address: str) -> None:
        """Note that a host is to purge a volume.

        :raises OSError: it cannot be noted
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._file(volume, host)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({"host": host, "address": address}))
        fresh.replace(file)

    def drop(self, volume: str, host: str) -> None:
        """Owe nothing of a volume by a host that is to have it again."""
        self._file(volume, host).unlink(missing_ok=True)

    def owed(self) -> dict[str, dict[str, str]]:
        """Return by file: volume, host, address; odd files are left."""
        found = {}
        for file in sorted(self._folder.glob("*.json")):
            try:
                told = json.loads(file.read_text())
                entry = {key: str(told[key]) for key in ("host", "address")}
            except (OSError, ValueError, TypeError, KeyError):
                continue
            named = _OF.fullmatch(file.stem)
            if named:
                found[file.name] = entry | {"volume": named["volume"]}
        return found

    def pay(self) -> None:
        """Try each once; a host that is away is asked once, not for each."""
        away: set[str] = set()
        for name, entry in self.owed().items():
            if entry["address"] not in away:
                self._pay(name, entry, away)

    def _file(self, volume: str, host: str) -> Path:
        return self._folder / f"{volume}@{host}.json"

    def _pay(self, name: str, entry: dict[str, str], away: set[str]) -> None:
        volume, host = entry["volume"], entry["host"]
        address = entry["address"]
        try:
            self._agents.purge(address, volume)
        except AgentUnreachable as error:
            away.add(address)
            LOG.info("%s is still owed by %s: %s", volume, host, error)
        except AgentRefused as error:
            LOG.warning(
                'volume %s, which is not its any more, is on host %s: %s',
                volume, host, error,
            )  # fmt: skip
        else:
            (self._folder / name).unlink(missing_ok=True)
            LOG.info("volume %s is purged on host %s", volume, host)
