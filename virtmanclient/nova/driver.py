# SPDX-License-Identifier: Apache-2.0
"""``compute_driver = virtman.VirtmanLibvirtDriver``: libvirt, with our disks.

Nova's libvirt driver finds volume drivers in a table of its own.  Every volume
passes the method that reads the table (``_get_volume_driver``,
nova/virt/libvirt/driver.py:2172 of Nova 34), so that method is overridden
here.  The other methods are overridden because a disk is active on one host at
a time.

``cleanup`` stays Nova's.  Nova has it destroy the disks also at a shelve, a
rebuild, an evacuation and a reschedule, where a volume must live on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import nova.conf
from nova import exception
from nova.virt.libvirt import driver

from virtmanclient.nova import connection, options
from virtmanclient.nova.volume import VirtmanVolumeDriver

BlockDevices = Mapping[str, Any] | None


class VirtmanLibvirtDriver(driver.LibvirtDriver):
    """The libvirt driver, with the agent's volumes beside all others."""

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        super().__init__(virtapi, read_only)
        conf = nova.conf.CONF
        self._virtman = VirtmanVolumeDriver(
            self._host, options.agent_of(conf), conf.host
        )

    def _get_volume_driver(self, connection_info: dict[str, Any]) -> Any:
        """Return the driver of a volume: ours for ours, else Nova's."""
        if connection.is_ours(connection_info):
            return self._virtman
        return super()._get_volume_driver(connection_info)

    def _should_disconnect_target(
        self,
        context: Any,
        instance: Any,
        multiattach: bool,
        vol_driver: Any,
        volume_id: str,
    ) -> bool:
        """Tell whether to disconnect a volume; ours always.

        Nova passes over a volume that another server of this host has, and
        two servers never share one of our disks.
        """
        if vol_driver is self._virtman:
            return True
        return bool(
            super()._should_disconnect_target(
                context, instance, multiattach, vol_driver, volume_id
            )
        )

    def check_can_live_migrate_source(
        self,
        context: Any,
        instance: Any,
        dest_check_data: Any,
        block_device_info: BlockDevices = None,
    ) -> Any:
        """Refuse to migrate a server live that has a disk of the agent.

        A dm-snapshot keeps its table of exceptions in the kernel's memory, so
        it must not be active on two hosts; Nova's pre_live_migration would
        connect it on the destination while the VM runs on.

        :raises MigrationPreCheckError: the server has a disk of the agent
        """
        for name in _names(_ours(block_device_info)):
            raise exception.MigrationPreCheckError(
                reason=f"virtman: the disk of volume {name} is active on one "
                "host at a time, so its server cannot migrate live; stop it "
                "and migrate it cold if its writes are on the image server"
            )
        return super().check_can_live_migrate_source(
            context, instance, dest_check_data, block_device_info
        )

    def migrate_disk_and_power_off(
        self,
        context: Any,
        instance: Any,
        dest: str,
        flavor: Any,
        network_info: Any,
        block_device_info: BlockDevices = None,
        timeout: float = 0,
        retry_interval: float = 0,
    ) -> Any:
        """Refuse a migration, while the VM runs, that would lose its writes.

        :param dest: address of the destination; a resize may stay here
        :raises InstanceFaultRollback: the writes are on this host alone; the
            server is put back into the state it had
        """
        if dest != self.get_host_ip_addr():
            _require_shared(block_device_info)
        return super().migrate_disk_and_power_off(
            context,
            instance,
            dest,
            flavor,
            network_info,
            block_device_info,
            timeout,
            retry_interval,
        )


def _ours(block_device_info: BlockDevices) -> Iterator[Mapping[str, Any]]:
    """Yield the connection_info of each volume of the agent."""
    mapping = (block_device_info or {}).get("block_device_mapping") or ()
    for volume in mapping:
        if connection.is_ours(volume["connection_info"]):
            yield volume["connection_info"]


def _names(volumes: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    yield from (str(volume.get("serial")) for volume in volumes)


def _require_shared(block_device_info: BlockDevices) -> None:
    """Refuse a server with a volume whose writes are on this host alone."""
    local = (
        volume
        for volume in _ours(block_device_info)
        if not connection.is_shared(volume)
    )
    for name in _names(local):
        raise exception.InstanceFaultRollback(
            exception.MigrationPreCheckError(
                reason=f"virtman: the writes of volume {name} are on this "
                "host alone (its type has virtman:cow = host, or its "
                "connection has no cow_shared), so its server stays here; a "
                "resize needs allow_resize_to_same_host"
            )
        )
