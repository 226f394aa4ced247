# SPDX-License-Identifier: Apache-2.0
"""The Cinder driver: ``volume_driver = virtmanclient.cinder.VirtmanDriver``.

A volume is what a VM writes over an image that all volumes of it share.  So
Cinder has little to do: see that the image is exported, tell a host the ids,
know which host has the writes, and have that host purge them.  The disk
itself is made by the agent, when Nova connects the volume.
"""

from __future__ import annotations

import logging
from typing import Any

from cinder import context as cinder_context
from cinder import coordination, exception, interface, objects
from cinder.volume import configuration, driver
from oslo_config import cfg

from virtmanclient.cinder import options, stats, volume_record
from virtmanclient.cinder.agents import Agents
from virtmanclient.cinder.capacity import Rooms
from virtmanclient.cinder.host_stores import HostStores
from virtmanclient.cinder.images import Images
from virtmanclient.cinder.pending_purges import PendingPurges
from virtmanclient.cinder.server_stores import ServerStores
from virtmanclient.cinder.unsupported import Refusals
from virtmanclient.cinder.volumes import Volumes
from virtmanclient.stores import Stores
from virtmanclient.targets import Targets

LOG = logging.getLogger(__name__)
cfg.CONF.register_opts(options.OPTIONS, group=configuration.SHARED_CONF_GROUP)


@interface.volumedriver
class VirtmanDriver(Volumes, Refusals, driver.VolumeDriver):
    """The driver of volumes that are disks of the compute hosts' agents."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"
    SUPPORTS_ACTIVE_ACTIVE = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(options.OPTIONS)

    @staticmethod
    def get_driver_options() -> list[Any]:
        """Return the options of this driver."""
        return options.OPTIONS

    def do_setup(self, context: Any) -> None:
        """Read the options and make the parts of the driver.

        :raises InvalidInput: an option cannot be right
        """
        try:
            settings = options.settings(self.configuration)
            agents = Agents(settings)
            targets = Targets(settings.image_server)
            stores = Stores(settings.image_server, settings.timeout)
        except ValueError as error:
            raise exception.InvalidInput(reason=f"virtman: {error}") from error
        self._settings = settings
        self._images = Images(settings.image_dir, targets, settings.image_idle)
        self._rooms = Rooms(settings.image_dir, stores)
        self._pending_purges = PendingPurges(settings.state_dir, agents)
        server_stores = ServerStores(stores, agents, self._pending_purges)
        self._host_stores = HostStores(
            agents, self._pending_purges, server_stores
        )

    def check_for_setup_error(self) -> None:
        """See that the folder of images can be used.

        The image server's agent is not asked: it may still be starting.

        :raises VolumeBackendAPIException: the folder cannot be used
        """
        try:
            self._images.begin()
        except OSError as error:
            raise exception.VolumeBackendAPIException(
                data=f"the folder virtman_image_dir = "
                f"{self._settings.image_dir} cannot be used: "
                f"{error.strerror}"
            ) from error

    def ensure_export(self, context: Any, volume: Any) -> None:
        """Do nothing: the agent restores the targets of images by itself."""

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        """Do nothing: the image is exported already."""

    def remove_export(self, context: Any, volume: Any) -> None:
        """Do nothing: other volumes stand on the image, too."""

    def validate_connector(self, connector: Any) -> None:
        """See that a connector is of a host whose agent may be asked.

        :raises InvalidConnectorException: the connector names no such host
        """
        self._host_stores.require_host(connector)

    @coordination.synchronized("virtman-volume-{volume.id}")
    def initialize_connection(
        self, volume: Any, connector: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """Return what a host is told of a volume's disk: ids alone.

        :raises InvalidVolume: it is attached to, or written on, another host
        """
        info, record = self._host_stores.connect(volume, connector)
        volume_record.save(volume, record)
        return info

    @coordination.synchronized("virtman-volume-{volume.id}")
    def terminate_connection(
        self, volume: Any, connector: Any, **kwargs: Any
    ) -> None:
        """Record whether a host keeps anything of a volume."""
        record = self._host_stores.disconnect(volume, connector)
        if record is not None:
            volume_record.save(volume, record)

    @classmethod
    def clean_volume_file_locks(cls, volume_id: str) -> None:
        """Remove the lock file of a volume that was deleted."""
        coordination.synchronized_remove(f"virtman-volume-{volume_id}")

    def _update_volume_stats(self) -> None:
        """Refresh the backend's statistics, then do the pending work.

        Pending are purges of hosts that were away, and idle images.
        """
        name = self.configuration.safe_get("volume_backend_name")
        self._stats = stats.of(
            name or type(self).__name__,
            self.VERSION,
            self.configuration,
            self._rooms.smaller(self.configuration.reserved_percentage),
        )
        try:
            self._pending_purges.pay()
            self._images.tidy(self._needed)
        except Exception:
            # Cinder calls again in a minute; the statistics must come now.
            LOG.exception(
                "the pending purges and the idle images are not dealt with; "
                "they are tried again with the next statistics"
            )

    def _needed(self) -> set[str]:
        """Return the keys of images that volumes and snapshots stand on."""
        context = cinder_context.get_admin_context()
        entries = [
            *objects.VolumeList.get_all_by_host(context, self.host),
            *objects.SnapshotList.get_by_host(context, self.host),
        ]
        records = (volume_record.of(entry) for entry in entries)
        return {record.image for record in records if record}
