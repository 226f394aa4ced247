# SPDX-License-Identifier: Apache-2.0
"""How volumes and snapshots begin and end.

None has data of its own here: it is an image and, once a host has been told
of it, what was written on it.
"""

import dataclasses
from typing import Any

from cinder import exception
from cinder.volume import volume_utils

from virtmanclient.cinder import messages, types, volume_record
from virtmanclient.cinder.host_stores import HostStores
from virtmanclient.cinder.images import Images


class Volumes:
    """The methods of a driver that make and remove."""

    _images: Images
    _cows: HostStores

    def clone_image(
        self,
        context: Any,
        volume: Any,
        image_location: Any,
        image_meta: Any,
        image_service: Any,
    ) -> tuple[dict[str, str], bool]:
        """Make a volume of an image: no byte of it is copied.

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
        """Begin a volume anew on an image, as a rebuild of its server asks.

        :raises VolumeIsBusy: it is attached, or its disk is open
        """
        cow = types.cow(volume)
        meta = image_service.show(context, image_id)
        key = self._images.ensure(context, image_service, meta, volume.size)
        self._cows.purge(volume)
        volume_record.save(volume, volume_record.Record(key, cow=cow))

    def create_volume_from_snapshot(
        self, volume: Any, snapshot: Any
    ) -> dict[str, str]:
        """Make a volume of the image that the snapshot is of."""
        return self._another(volume_record.of(snapshot), volume)

    def create_cloned_volume(
        self, volume: Any, src_vref: Any
    ) -> dict[str, str]:
        """Make a volume of the image of one that was never attached.

        :raises InvalidVolume: a VM has written on it
        """
        return self._another(_untouched(src_vref, "cloned"), volume)

    def create_snapshot(self, snapshot: Any) -> dict[str, str]:
        """Note the image of a volume that was never attached.

        :raises InvalidVolume: a VM has written on it; the snapshot that
            failed can be deleted
        """
        return _untouched(snapshot.volume, "snapshotted").update()

    def delete_snapshot(self, snapshot: Any) -> None:
        """Do nothing: it is an entry of Cinder's alone."""

    def delete_volume(self, volume: Any) -> None:
        """Have who holds what was written purge it.

        A host that is away is told later.

        :raises VolumeIsBusy: it is attached, or its disk is open
        """
        self._cows.purge(volume)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Enlarge a volume that was never attached.

        :raises ExtendVolumeError: a VM has written on it: its disk is as
            large as the image that it was begun on
        """
        try:
            known = _untouched(volume, "extended")
        except exception.InvalidVolume as error:
            raise exception.ExtendVolumeError(reason=error.msg) from error
        key = self._images.enlarge(known.image, new_size)
        volume_record.save(volume, dataclasses.replace(known, image=key))

    def copy_volume_to_image(
        self, context: Any, volume: Any, image_service: Any, image_meta: Any
    ) -> None:
        """Upload a volume that was never attached.

        :raises InvalidVolume: a VM has written on it
        """
        known = _untouched(volume, "uploaded")
        volume_utils.upload_volume(
            context,
            image_service,
            image_meta,
            str(self._images.file(known.image)),
            volume,
            run_as_root=False,
        )

    def _another(
        self, known: volume_record.Record | None, volume: Any
    ) -> dict[str, str]:
        if known is None:
            raise exception.InvalidVolume(
                reason="virtman: what it is to be made of was never whole"
            )
        cow = types.cow(volume)
        key = self._images.enlarge(known.image, volume.size)
        return volume_record.Record(key, cow=cow).update()


def _untouched(volume: Any, done: str) -> volume_record.Record:
    """Return what is known of a volume that is its image still.

    :raises InvalidVolume: it is not
    """
    known = volume_record.of(volume)
    if known is not None and known.untouched:
        return known
    raise exception.InvalidVolume(
        reason="virtman: what was written on volume "
        f"{volume.id} is {_where(known)}, "
        f"and only a volume that no server ever had can be {done} here; copy "
        "the data within the server"
    )


def _where(known: volume_record.Record | None) -> str:
    if known is None:
        return "nowhere"
    return (
        "on the image server" if known.on_server else f"on host {known.host}"
    )
