# SPDX-License-Identifier: Apache-2.0
"""COW stores of volumes: which host has them, and when they are purged.

A host is told of a volume before anything is written.  Only the host's agent
knows whether anything was.  So it is asked before the volume is given to
another host, and when the volume is given back.
"""

from __future__ import annotations

import logging
from typing import Any

from cinder import exception

from virtmanclient.cinder import attachments, errors, volume_record
from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable
from virtmanclient.cinder.pending_purges import PendingPurges
from virtmanclient.cinder.server_stores import ServerStores
from virtmanclient.cinder.volume_record import Record
from virtmanclient.stores import Store

LOG = logging.getLogger(__name__)
VOLUME_TYPE = "virtman"


class HostStores:
    """The host stores of volumes; server stores are passed on to ``served``.

    :param served: the server stores
    """

    def __init__(
        self,
        agents: Agents,
        pending_purges: PendingPurges,
        server_stores: ServerStores,
    ) -> None:
        self._agents = agents
        self._pending_purges = pending_purges
        self._server_stores = server_stores

    def require_host(self, connector: Any) -> None:
        """See that a connector is of a host whose agent may be asked.

        :raises InvalidConnectorException: the connector names no such host
        """
        if not volume_record.is_host(connector.get("host")):
            raise exception.InvalidConnectorException(missing="host")
        if not self._agents.admits(connector.get("ip")):
            raise exception.InvalidConnectorException(
                missing="ip in virtman_agent_networks"
            )

    def connect(
        self, volume: Any, connector: Any
    ) -> tuple[dict[str, Any], Record]:
        """Return what a host is told of a volume, and the volume's record.

        :raises InvalidVolume: it is attached to another host, or written
            there
        :raises VolumeBackendAPIException: an agent that has to be asked is
            away
        """
        self.require_host(connector)
        host = connector["host"]
        _require_alone(volume, host, connector["ip"])
        record = _record(volume)
        if record.on_server:
            store, record = self._server_stores.connect(
                volume, connector, record
            )
            return _info(volume, record, store), record
        record = self._settled(volume, record)
        if record.kept and record.host != host:
            raise errors.invalid(
                volume,
                f"what was written on it is on host {record.host} and not "
                f"reached from {host}; start the server there",
            )
        if connector["ip"] != record.address:
            # A host that changed its address still has the writes.
            kept = self._has(host, connector["ip"], volume.id)
            if kept or not record.kept:
                record = record.at(host, connector["ip"], kept)
        return _info(volume, record), record

    def disconnect(self, volume: Any, connector: Any) -> Record | None:
        """Return the record of a volume that a host gives back.

        :returns: None when the record stays as it is
        """
        record = volume_record.of(volume)
        host = connector.get("host") if connector else None
        if (
            record is None
            or record.untouched
            or host not in (None, record.host)
        ):
            return None
        try:
            return self._settled(volume, record)
        except exception.VolumeBackendAPIException as error:
            # The detach must not fail; connect and purge ask, too.
            LOG.warning("%s; the agent is asked again later", error.msg)
            return None

    def purge(self, volume: Any) -> None:
        """Have what was written on a volume removed from its host.

        For a host that is away, the purge is noted and done later.

        :raises VolumeIsBusy: it is attached, or its disk is open
        """
        record = volume_record.of(volume)
        hosts = attachments.hosts(volume)
        if hosts:
            raise errors.busy(volume, f"it is attached on {', '.join(hosts)}")
        if record is not None and record.on_server:
            self._server_stores.purge(volume, record)
            return
        if record is None or record.host is None or record.address is None:
            return
        try:
            self._agents.purge(record.address, volume.id)
        except AgentRefused as error:
            raise errors.busy(volume, str(error)) from error
        except AgentUnreachable as error:
            LOG.warning(
                "host %s is to purge volume %s when its agent is back: %s",
                record.host,
                volume.id,
                error,
            )
            self._pending_purges.add(volume.id, record.host, record.address)

    def _settled(self, volume: Any, record: Record) -> Record:
        """Return a volume's record after asking its host for a disk.

        A disk that was seen once counts as kept for good.  Should it be gone,
        the agent reports that when the disk is to be made, and no disk begins
        anew without an order.
        """
        if record.on_server:
            return self._server_stores.settled(volume, record)
        if record.kept or record.host is None or record.address is None:
            return record
        if self._has(record.host, record.address, volume.id):
            return record.at(record.host, record.address, True)
        return record.anew()

    def _has(self, host: str, address: str, volume: str) -> bool:
        try:
            return self._agents.has(address, volume)
        except AgentUnreachable as error:
            raise exception.VolumeBackendAPIException(
                data=f"virtman: the agent of host {host} cannot be asked "
                f"whether it has a disk of volume {volume}: {error}"
            ) from error


def _record(volume: Any) -> Record:
    record = volume_record.of(volume)
    if record is None:
        raise errors.invalid(volume, "it was never made; delete it")
    return record


def _require_alone(volume: Any, host: str, address: str) -> None:
    others = attachments.elsewhere(volume, host, address)
    if others:
        raise errors.invalid(
            volume,
            f"it is attached on host {', '.join(sorted(others))}; a disk is "
            "active on one host at a time, so detach it there first",
        )


def _info(
    volume: Any, record: Record, store: Store | None = None
) -> dict[str, Any]:
    """Return the connection_info of a volume, without a secret.

    Users may read it.
    """
    data = {
        "volume_id": volume.id,
        "image_name": record.image_name,
        "cow_host": record.host,
        "cow_kept": record.kept,
    }
    if store is not None:
        data |= {"cow_shared": True, "store": store.connection}
    return {"driver_volume_type": VOLUME_TYPE, "data": data}
