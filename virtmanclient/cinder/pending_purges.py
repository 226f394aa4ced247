# SPDX-License-Identifier: Apache-2.0
"""Pending purges: of volumes that left a host whose agent was away.

Each is noted in a small file, so that a restarted cinder-volume has it still.
A purge is tried again as long as the host does not answer.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable

LOG = logging.getLogger(__name__)
# A name without a host was written before volumes could change hosts.
_OF = re.compile("(?P<volume>[0-9a-f-]{36})(@[A-Za-z0-9._-]{1,100})?")


class PendingPurges:
    """The pending purges of this backend.

    :param folder: for their files; made when it is needed
    """

    def __init__(self, folder: Path, agents: Agents) -> None:
        self._folder = folder
        self._agents = agents

    def add(self, volume: str, host: str, address: str) -> None:
        """Note that a host is to purge a volume.

        :raises OSError: the file cannot be written
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._file(volume, host)
        # Written aside and renamed: a reader never sees half of a file.
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({"host": host, "address": address}))
        fresh.replace(file)

    def drop(self, volume: str, host: str) -> None:
        """Forget the purge of a volume by a host that gets it again."""
        self._file(volume, host).unlink(missing_ok=True)

    def owed(self) -> dict[str, dict[str, str]]:
        """Return volume, host and address of each purge, by file name.

        Unreadable files, and files with other names, are passed over.
        """
        purges = {}
        for file in sorted(self._folder.glob("*.json")):
            try:
                content = json.loads(file.read_text())
                entry = {key: str(content[key]) for key in ("host", "address")}
            except (OSError, ValueError, TypeError, KeyError):
                continue
            match = _OF.fullmatch(file.stem)
            if match:
                purges[file.name] = entry | {"volume": match["volume"]}
        return purges

    def pay(self) -> None:
        """Try each pending purge once.

        A host that does not answer is not asked again in this round.
        """
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
            LOG.info(
                "the purge of volume %s on host %s is still pending: %s",
                volume,
                host,
                error,
            )
        except AgentRefused as error:
            LOG.warning(
                "host %s still holds the disk of volume %s, which it has to "
                "purge: %s",
                host,
                volume,
                error,
            )
        else:
            (self._folder / name).unlink(missing_ok=True)
            LOG.info("volume %s is purged on host %s", volume, host)
