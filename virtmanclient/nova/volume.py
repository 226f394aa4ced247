# SPDX-License-Identifier: Apache-2.0
"""The libvirt volume driver of ``driver_volume_type = 'virtman'``.

Nova connects and disconnects a volume at each hard reboot, start and boot of
the host.  So connecting brings an existing disk back, and disconnecting keeps
what the VM has written.  Cinder owns the volume and purges it.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from nova import exception
from nova.virt.libvirt.volume import volume

from virtmanclient.agent import Agent
from virtmanclient.nova import connection, errors

LOG = logging.getLogger(__name__)
ConnectionInfo = MutableMapping[str, Any]


class VirtmanVolumeDriver(volume.LibvirtBaseVolumeDriver):
    """The volume driver that has the agent make and remove disks.

    :param host: Nova's connection to libvirt
    :param agent: the agent of this host
    :param hostname: Nova's name of this host, its option ``host``
    """

    def __init__(self, host: Any, agent: Agent, hostname: str) -> None:
        super().__init__(host, is_block_dev=True)
        self._agent = agent
        self._hostname = hostname

    def connect_volume(
        self, connection_info: ConnectionInfo, instance: Any
    ) -> None:
        """Have the agent make or bring back a volume's disk; note its path.

        :raises NovaException: see :mod:`virtmanclient.nova.errors`
        """
        _refuse_encrypted(connection_info)
        with errors.of_attaching():
            disk = connection.read(connection_info)
            self._require_here(disk)
            # Nova stores it with the volume (driver.py, vol.save()).
            connection_info["data"]["device_path"] = self._agent.create(
                disk.volume,
                disk.image,
                disk.connections,
                disk.store,
                disk.keep,
            )

    def disconnect_volume(
        self,
        connection_info: ConnectionInfo,
        instance: Any,
        force: bool = False,
    ) -> None:
        """Have the agent remove a volume's disk and keep its data.

        A volume that the agent does not have is not an error: Nova
        disconnects after a failed connect, too.  ``force`` changes nothing:
        Nova passes it at each hard reboot, and a disk that is still open must
        not count as gone.

        :raises VolumeDetachFailed: the disk is there still
        """
        try:
            name = connection.volume_id(connection_info)
        except connection.InvalidConnection as error:
            LOG.warning(
                "the volume was never connected, so it is not disconnected: "
                "%s",
                error,
            )
            return
        with errors.of_detaching(name):
            self._agent.deactivate(name)

    def get_config(
        self, connection_info: ConnectionInfo, disk_info: Any
    ) -> Any:
        """Return the guest's disk: a block device that it can write to."""
        conf = super().get_config(connection_info, disk_info)
        conf.source_type = "block"
        conf.source_path = connection_info["data"]["device_path"]
        conf.driver_io = "native"
        # The base class takes these from the volume; a VM's disk is its own.
        conf.readonly = False
        conf.shareable = False
        return conf

    def extend_volume(
        self,
        connection_info: ConnectionInfo,
        instance: Any,
        requested_size: int,
    ) -> int:
        """Refuse to extend a volume: its disk is as large as its image.

        :raises VolumeExtendFailed: always
        """
        raise exception.VolumeExtendFailed(
            volume_id=connection_info.get("serial"),
            reason="virtman: the disk is a snapshot of its image, and as "
            "large; enlarge the image, or attach a second volume",
        )

    def _require_here(self, disk: connection.Disk) -> None:
        """Refuse a disk on a host that cannot reach what the VM wrote."""
        if disk.cow_host not in (None, self._hostname) and not disk.cow_shared:
            raise connection.InvalidConnection(
                f"what the VM has written is on host {disk.cow_host} and not "
                f"reached from {self._hostname}; start the server there"
            )


def _refuse_encrypted(connection_info: ConnectionInfo) -> None:
    data = connection_info.get("data")
    if isinstance(data, MutableMapping) and data.get("encrypted"):
        raise exception.VolumeEncryptionNotSupported(
            volume_type=connection.DRIVER_VOLUME_TYPE,
            volume_id=connection_info.get("serial"),
        )
