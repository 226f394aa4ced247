# SPDX-License-Identifier: Apache-2.0
"""Volumes and snapshots: how they are made and removed.

A volume has no data on this host: it is an image and, once a host has been
told of it, what was written over the image.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from cinder import exception
from cinder.volume import volume_utils

from virtmanclient.cinder import messages, types, volume_record
from virtmanclient.cinder.host_stores import HostStores
from virtmanclient.cinder.images import Images


class Volumes:
    """The methods of a driver that make and remove volumes and snapshots."""

    _images: Images
    _host_stores: HostStores

    def clone_image(
        self,
        context: Any,
        volume: Any,
        image_location: Any,
        image_meta: Any,
        image_service: Any,
    ) -> tuple[dict[str, str], bool]:
        """Make a volume of an image, without a copy of the image.

        The first volume of an image and size has the image exported.

        :raises ImageUnacceptable: no disk can be made of the image
        """
        with messages.of_an_image(context, volume):
            cow = types.cow(volume)
            key = self._images.ensure(
                context, image_service, image_meta, volume.size
            )
        return volume_record.Record(key, cow=cow).update(), True

    def copy_image_to_volume(
        self,
        context: Any,
        volume: Any,
        image_service: Any,
        image_id: str,
        disable_sparse: bool = False,
    ) -> None:
        """Begin a volume anew on an image, for a rebuild of its server.

        :raises VolumeIsBusy: it is attached, or its disk is open
        """
        cow = types.cow(volume)
        meta = image_service.show(context, image_id)
        key = self._images.ensure(context, image_service, meta, volume.size)
        self._host_stores.purge(volume)
        volume_record.save(volume, volume_record.Record(key, cow=cow))

    def create_volume_from_snapshot(
        self, volume: Any, snapshot: Any
    ) -> dict[str, str]:
        """Make a volume of the image of a snapshot."""
        return self._another(volume_record.of(snapshot), volume)

    def create_cloned_volume(
        self, volume: Any, src_vref: Any
    ) -> dict[str, str]:
        """Make a volume of the image of a volume that was never attached.

        :raises InvalidVolume: a VM has written on that volume
        """
        return self._another(_untouched(src_vref, "cloned"), volume)

    def create_snapshot(self, snapshot: Any) -> dict[str, str]:
        """Record the image of a volume that was never attached.

        :raises InvalidVolume: a VM has written on the volume; the snapshot
            that failed can be deleted
        """
        return _untouched(snapshot.volume, "snapshotted").update()

    def delete_snapshot(self, snapshot: Any) -> None:
        """Do nothing: a snapshot is an entry in Cinder's database alone."""

    def delete_volume(self, volume: Any) -> None:
        """Have the COW store of a volume purged.

        A host that is away does so later.

        :raises VolumeIsBusy: it is attached, or its disk is open
        """
        self._host_stores.purge(volume)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Enlarge a volume that was never attached.

        :raises ExtendVolumeError: a VM has written on the volume: its disk is
            as large as the image that it was begun on
        """
        try:
            record = _untouched(volume, "extended")
        except exception.InvalidVolume as error:
            raise exception.ExtendVolumeError(reason=error.msg) from error
        key = self._images.enlarge(record.image, new_size)
        volume_record.save(volume, dataclasses.replace(record, image=key))

    def copy_volume_to_image(
        self, context: Any, volume: Any, image_service: Any, image_meta: Any
    ) -> None:
        """Upload a volume that was never attached, as an image.

        :raises InvalidVolume: a VM has written on the volume
        """
        record = _untouched(volume, "uploaded")
        volume_utils.upload_volume(
            context,
            image_service,
            image_meta,
            str(self._images.file(record.image)),
            volume,
            run_as_root=False,
        )

    def _another(
        self, source: volume_record.Record | None, volume: Any
    ) -> dict[str, str]:
        """Return the model update of a volume made of another's image."""
        if source is None:
            raise exception.InvalidVolume(
                reason=f"virtman: the source of volume {volume.id} was never "
                "made; use another source"
            )
        cow = types.cow(volume)
        key = self._images.enlarge(source.image, volume.size)
        return volume_record.Record(key, cow=cow).update()


def _untouched(volume: Any, done: str) -> volume_record.Record:
    """Return the record of a volume that is its image still.

    :param done: what the call does to a volume, for the error
    :raises InvalidVolume: a host was told of the volume, or it was never made
    """
    record = volume_record.of(volume)
    if record is not None and record.untouched:
        return record
    raise exception.InvalidVolume(
        reason="virtman: what was written on volume "
        f"{volume.id} is {_where(record)}, "
        f"and only a volume that no server ever had can be {done} here; copy "
        "the data within the server"
    )


def _where(record: volume_record.Record | None) -> str:
    """Return where the writes of a volume are, in words."""
    if record is None:
        return "nowhere"
    return (
        "on the image server" if record.on_server else f"on host {record.host}"
    )
