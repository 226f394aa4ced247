# SPDX-License-Identifier: Apache-2.0
"""Read where the type of a volume puts what VMs write."""

from __future__ import annotations

from typing import Any

from cinder import exception

from virtmanclient.cinder import volume_record

COW = "virtman:cow"
"""Extra specification: where what VMs write goes, ``server`` or ``host``."""


def cow(volume: Any) -> str:
    """Return where a new volume's COW store is to be: server or host.

    :raises InvalidVolume: its type names another place
    """
    specs = (volume.volume_type and volume.volume_type.extra_specs) or {}
    place = str(specs.get(COW, volume_record.SERVER))
    if place not in (volume_record.SERVER, volume_record.HOST):
        raise exception.InvalidVolume(
            reason=f"virtman: the volume type has {COW} = {place!r:.40}; "
            f"write {volume_record.SERVER} or {volume_record.HOST}"
        )
    return place
