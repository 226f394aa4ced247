# SPDX-License-Identifier: Apache-2.0
"""Which host has what was written on a volume, and the end of it.

A host is told of a volume before anything is written, and whether anything
came of it the host's agent alone knows; so it is asked before the volume is
given to another, and when it is given back.
"""

import logging
from typing import Any

from cinder import exception

from virtmanclient.cinder import attachments, errors, volume_record
from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable
from virtmanclient.cinder.pending_purges import Debts
from virtmanclient.cinder.server_stores import Served
from virtmanclient.cinder.volume_record import Record
from virtmanclient.stores import Store

LOG = logging.getLogger(__name__)
VOLUME_TYPE = "virtman"


class HostStores:
    """The copy-on-write stores of volumes, wherever they are.

    :param served: those that the image server keeps
    """

    def __init__(self, agents: Agents, debts: Debts, served: Served) -> None:
        self._agents = agents
        self._debts = debts
        self._served = served

    def require_host(self, connector: Any) -> None:
        """See that a connector is of a host whose agent may be asked.

        :raises InvalidConnectorException: it is not
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
        """Return what the host is told, and what is known from now on.

        :raises InvalidVolume: it is attached to another host, or written
            there
        :raises VolumeBackendAPIException: an agent that has to say so is away
        """
        self.require_host(connector)
        host = connector["host"]
        _require_alone(volume, host, connector["ip"])
        known = _known(volume)
        if known.on_server:
            store, known = self._served.connect(volume, connector, known)
            return _told(volume, known, store), known
        known = self._settled(volume, known)
        if known.kept and known.host != host:
            raise errors.invalid(
                volume,
                f"what was written on it is on host {known.host} and not "
                f"reached from {host}; start the server there",
            )
        if connector["ip"] != known.address:
            # A host that has another address now has the writes still.
            kept = self._has(host, connector["ip"], volume.id)
            if kept or not known.kept:
                known = known.at(host, connector["ip"], kept)
        return _told(volume, known), known

    def disconnect(self, volume: Any, connector: Any) -> Record | None:
        """Return what is known of a volume once a host gives it back.

        :returns: None when that is nothing new
        """
        known = volume_record.of(volume)
        host = connector.get("host") if connector else None
        if known is None or known.untouched or host not in (None, known.host):
            return None
        try:
            return self._settled(volume, known)
        except exception.VolumeBackendAPIException as error:
            LOG.warning("%s; it is asked again later", error.msg)
            return None

    def purge(self, volume: Any) -> None:
        """Have what was written on a volume removed from its host.

        A host that is away owes it.

        :raises VolumeIsBusy: it is attached, or its disk is open
        """
        known = volume_record.of(volume)
        hosts = attachments.hosts(volume)
        if hosts:
            raise errors.busy(volume, f"it is attached on {', '.join(hosts)}")
        if known is not None and known.on_server:
            self._served.purge(volume, known)
            return
        if known is None or known.host is None or known.address is None:
            return
        try:
            self._agents.purge(known.address, volume.id)
        except AgentRefused as error:
            raise errors.busy(volume, str(error)) from error
        except AgentUnreachable as error:
            LOG.warning(
                'host %s is to purge volume %s when it is back: %s',
                known.host, volume.id, error,
            )  # fmt: skip
            self._debts.add(volume.id, known.host, known.address)

    def _settled(self, volume: Any, known: Record) -> Record:
        """Have the host say whether anything came of what it was told.

        What was seen once stays so: should it be gone, the agent says so
        when the disk is to be made, and nothing begins anew unasked.
        """
        if known.on_server:
            return self._served.settled(volume, known)
        if known.kept or known.host is None or known.address is None:
            return known
        has = self._has(known.host, known.address, volume.id)
        return (
            known.at(known.host, known.address, True) if has else known.anew()
        )

    def _has(self, host: str, address: str, volume: str) -> bool:
        try:
            return self._agents.has(address, volume)
        except AgentUnreachable as error:
            raise exception.VolumeBackendAPIException(
                data=f"virtman: whether host {host} has anything of volume "
                f"{volume} cannot be asked: {error}"
            ) from error


def _known(volume: Any) -> Record:
    known = volume_record.of(volume)
    if known is None:
        raise errors.invalid(volume, "it was never made; delete it")
    return known


def _require_alone(volume: Any, host: str, address: str) -> None:
    others = attachments.elsewhere(volume, host, address)
    if others:
        raise errors.invalid(
            volume,
            f"it is attached on host {', '.join(sorted(others))}; a disk is "
            "active on one host at a time, so detach it there first",
        )


def _told(
    volume: Any, known: Record, store: Store | None = None
) -> dict[str, Any]:
    """Return the connection, which users may read: no secret is in it."""
    data = {
        "volume_id": volume.id,
        "image_name": known.image_name,
        "cow_host": known.host,
        "cow_kept": known.kept,
    }
    if store is not None:
        data |= {"cow_shared": True, "store": store.connection}
    return {"driver_volume_type": VOLUME_TYPE, "data": data}
