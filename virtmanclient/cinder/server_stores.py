# SPDX-License-Identifier: Apache-2.0
"""COW stores of volumes on the image server.

The image server's agent keeps a store for each volume and opens it to one
host at a time.  So the volume is not bound to the host that had it first.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from cinder import exception

from virtmanclient import exceptions
from virtmanclient.cinder import attachments, errors, volume_record
from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable
from virtmanclient.cinder.pending_purges import PendingPurges
from virtmanclient.cinder.volume_record import Record
from virtmanclient.stores import Store, Stores

LOG = logging.getLogger(__name__)
_SECTORS_OF_GIB = 1 << 21  # of 512 bytes


class ServerStores:
    """The server stores of volumes."""

    def __init__(
        self, stores: Stores, agents: Agents, pending_purges: PendingPurges
    ) -> None:
        self._stores = stores
        self._agents = agents
        self._pending_purges = pending_purges

    def connect(
        self, volume: Any, connector: Any, record: Record
    ) -> tuple[Store, Record]:
        """Open a volume's store to a host; return the store and the record.

        The host that had the volume before forgets it.  A host that is away
        does so later, and cannot log in to the store meanwhile.

        :raises InvalidConnectorException: the host has no initiator
        :raises InvalidVolume: another host uses the volume still, or the
            store is gone
        :raises VolumeBackendAPIException: the image server cannot be asked
        """
        initiator = connector.get("initiator")
        if not isinstance(initiator, str) or not initiator:
            raise exception.InvalidConnectorException(missing="initiator")
        host, address = connector["host"], connector["ip"]
        others = attachments.initiators(volume, host) - {initiator}
        if others:
            # The store takes one initiator; the connected one would lose it.
            raise errors.invalid(
                volume,
                f"host {host} is attached by the initiator "
                f"{', '.join(sorted(others))}",
            )
        if record.host not in (None, host):
            self._forget(volume, record)
        # Before the store is opened: a late purge would remove the new disk.
        self._pending_purges.drop(volume.id, host)
        store = self._open(volume, initiator, record.cow != volume_record.MADE)
        kept = record.kept or store.written
        return store, dataclasses.replace(
            record,
            host=host,
            address=address,
            kept=kept,
            cow=volume_record.MADE,
        )

    def settled(self, volume: Any, record: Record) -> Record:
        """Return a volume's record after asking whether its store is written.

        An unwritten store is deleted: the volume is its image still.

        :raises VolumeBackendAPIException: the image server cannot be asked
        """
        if record.kept or record.untouched:
            return record
        try:
            if self._stores.written(volume.id):
                return dataclasses.replace(record, kept=True)
            self._stores.delete(volume.id)
        except exceptions.Refused as error:
            LOG.info("the store of volume %s stays: %s", volume.id, error)
            return record
        except exceptions.ClientError as error:
            raise _unreachable(volume, error) from error
        return record.anew()

    def purge(self, volume: Any, record: Record) -> None:
        """Remove what was written on a volume, and have its host forget it.

        :raises VolumeIsBusy: its disk is open, or a host has a session with
            its store
        :raises VolumeBackendAPIException: the image server cannot be asked
        """
        # The host first: its disk stands on the store.
        away = None
        try:
            if record.host is not None and record.address is not None:
                self._agents.purge(record.address, volume.id)
        except AgentRefused as error:
            raise errors.busy(volume, str(error)) from error
        except AgentUnreachable as error:
            away = error
        try:
            self._stores.delete(volume.id)
        except exceptions.Refused as error:
            raise errors.busy(volume, str(error)) from error
        except exceptions.ClientError as error:
            raise _unreachable(volume, error) from error
        if away is not None:
            self._owe(volume, record, away)

    def _open(self, volume: Any, initiator: str, new: bool) -> Store:
        sectors = volume.size * _SECTORS_OF_GIB
        try:
            return self._stores.open(volume.id, sectors, initiator, new)
        except exceptions.Refused as error:
            raise errors.invalid(volume, str(error)) from error
        except exceptions.ClientError as error:
            raise _unreachable(volume, error) from error

    def _forget(self, volume: Any, record: Record) -> None:
        """Have the host that had a volume forget it; the data stays."""
        try:
            self._agents.purge(str(record.address), volume.id)
        except AgentRefused as error:
            raise errors.invalid(
                volume, f"host {record.host} uses it still: {error}"
            ) from error
        except AgentUnreachable as error:
            self._owe(volume, record, error)

    def _owe(self, volume: Any, record: Record, error: Exception) -> None:
        """Note that the host of a volume is to forget it later."""
        LOG.warning(
            "host %s is to forget volume %s when its agent is back: %s",
            record.host,
            volume.id,
            error,
        )
        self._pending_purges.add(
            volume.id, str(record.host), str(record.address)
        )


def _unreachable(volume: Any, error: Exception) -> Exception:
    """Return the error of an image server that cannot be asked."""
    made: Exception = exception.VolumeBackendAPIException(
        data=f"virtman: the image server, which has what was written on "
        f"volume {volume.id}, cannot be asked: {error}"
    )
    return made
