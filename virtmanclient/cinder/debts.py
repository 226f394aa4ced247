# SPDX-License-Identifier: Apache-2.0
"""Purges that are owed: of volumes deleted while their host was away.

A small file for each, so that a cinder-volume that is started again still
knows.  They are tried again as long as the host does not answer.
"""

import json
import logging
import re
from pathlib import Path

from virtmanclient.cinder.agents import Agents, Away, Refusal

LOG = logging.getLogger(__name__)
_VOLUME = re.compile('[0-9a-f-]{36}')


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
        file = self._folder / f'{volume}.json'
        fresh = file.with_suffix('.new')
        fresh.write_text(json.dumps({'host': host, 'address': address}))
        fresh.replace(file)

    def owed(self) -> dict[str, dict[str, str]]:
        """Return volume: host and address, of each; odd files are left."""
        found = {}
        for file in sorted(self._folder.glob('*.json')):
            try:
                told = json.loads(file.read_text())
                entry = {key: str(told[key]) for key in ('host', 'address')}
            except (OSError, ValueError, TypeError, KeyError):
                continue
            if _VOLUME.fullmatch(file.stem):
                found[file.stem] = entry
        return found

    def pay(self) -> None:
        """Try each once; a host that is away is asked once, not for each."""
        away: set[str] = set()
        for volume, entry in self.owed().items():
            if entry['address'] not in away:
                self._pay(volume, entry['host'], entry['address'], away)

    def _pay(
        self, volume: str, host: str, address: str, away: set[str]
    ) -> None:
        try:
            self._agents.purge(address, volume)
        except Away as error:
            away.add(address)
            LOG.info('%s is still owed by %s: %s', volume, host, error)
        except Refusal as error:
            LOG.warning(
                'the deleted volume %s is on host %s still: %s',
                volume, host, error,
            )  # fmt: skip
        else:
            (self._folder / f'{volume}.json').unlink(missing_ok=True)
            LOG.info('the deleted volume %s is purged on %s', volume, host)
