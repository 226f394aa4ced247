# SPDX-License-Identifier: Apache-2.0
"""What was written on a volume, where that is on the image server.

Its agent keeps a store for each volume and opens it to one host at a time, so
the volume is not bound to the host that it was first used on.
"""

import dataclasses
import logging
from typing import Any

from cinder import exception

from virtmanclient import exceptions
from virtmanclient.cinder import attachments, errors, volume_record
from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable
from virtmanclient.cinder.pending_purges import Debts
from virtmanclient.cinder.volume_record import Record
from virtmanclient.stores import Store, Stores

LOG = logging.getLogger(__name__)
_SECTORS_OF_GIB = 1 << 21


class Served:
    """The copy-on-write stores of volumes, on the image server."""

    def __init__(self, stores: Stores, agents: Agents, debts: Debts) -> None:
        self._stores = stores
        self._agents = agents
        self._debts = debts

    def connect(
        self, volume: Any, connector: Any, known: Record
    ) -> tuple[Store, Record]:
        """Open a volume's store to a host; return it, and what is known now.

        The host that had it before forgets it; one that is away does so
        later, and cannot log in any more meanwhile.

        :raises InvalidConnectorException: the host has no initiator
        :raises InvalidVolume: another host uses it still, or it is gone
        :raises VolumeBackendAPIException: the image server cannot be asked
        """
        initiator = connector.get("initiator")
        if not isinstance(initiator, str) or not initiator:
            raise exception.InvalidConnectorException(missing="initiator")
        host, address = connector["host"], connector["ip"]
        others = attachments.initiators(volume, host) - {initiator}
        if others:
            # It would be closed to the host that is connected to it.
            raise errors.invalid(
                volume,
                f"host {host} is attached by the initiator "
                f"{', '.join(sorted(others))}",
            )
        if known.host not in (None, host):
            self._forget(volume, known)
        self._debts.drop(volume.id, host)
        store = self._open(volume, initiator, known.cow != volume_record.MADE)
        kept = known.kept or store.written
        return store, dataclasses.replace(
            known,
            host=host,
            address=address,
            kept=kept,
            cow=volume_record.MADE,
        )

    def settled(self, volume: Any, known: Record) -> Record:
        """Ask whether anything came of what a host was told.

        If not, the volume is its image still, and may go anywhere.

        :raises VolumeBackendAPIException: the image server cannot be asked
        """
        if known.kept or known.untouched:
            return known
        try:
            if self._stores.written(volume.id):
                return dataclasses.replace(known, kept=True)
            self._stores.delete(volume.id)
        except exceptions.Refused as error:
            LOG.info("the store of volume %s stays: %s", volume.id, error)
            return known
        except exceptions.ClientError as error:
            raise _away(volume, error) from error
        return known.anew()

    def purge(self, volume: Any, known: Record) -> None:
        """Remove what was written on a volume, and have its host forget it.

        :raises VolumeIsBusy: its disk is open, or a host has it
        :raises VolumeBackendAPIException: the image server cannot be asked
        """
        away = None
        try:
            if known.host is not None and known.address is not None:
                self._agents.purge(known.address, volume.id)
        except AgentRefused as error:
            raise errors.busy(volume, str(error)) from error
        except AgentUnreachable as error:
            away = error
        try:
            self._stores.delete(volume.id)
        except exceptions.Refused as error:
            raise errors.busy(volume, str(error)) from error
        except exceptions.ClientError as error:
            raise _away(volume, error) from error
        if away is not None:
            self._owe(volume, known, away)

    def _open(self, volume: Any, initiator: str, new: bool) -> Store:
        sectors = volume.size * _SECTORS_OF_GIB
        try:
            return self._stores.open(volume.id, sectors, initiator, new)
        except exceptions.Refused as error:
            raise errors.invalid(volume, str(error)) from error
        except exceptions.ClientError as error:
            raise _away(volume, error) from error

    def _forget(self, volume: Any, known: Record) -> None:
        """Have the host that had a volume forget it; the data stays."""
        try:
            self._agents.purge(str(known.address), volume.id)
        except AgentRefused as error:
            raise errors.invalid(
                volume, f"host {known.host} uses it still: {error}"
            ) from error
        except AgentUnreachable as error:
            self._owe(volume, known, error)

    def _owe(self, volume: Any, known: Record, error: Exception) -> None:
        LOG.warning(
            'host %s is to forget volume %s when it is back: %s',
            known.host, volume.id, error,
        )  # fmt: skip
        self._debts.add(volume.id, str(known.host), str(known.address))


def _away(volume: Any, error: Exception) -> Exception:
    made: Exception = exception.VolumeBackendAPIException(
        data=f"virtman: the image server, which has what was written on "
        f"volume {volume.id}, cannot be asked: {error}"
    )
    return made
