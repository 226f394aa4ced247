# SPDX-License-Identifier: Apache-2.0
"""What the type of a volume asks for."""

from typing import Any

from cinder import exception

from virtmanclient.cinder import volume_record

COW = "virtman:cow"
"""Extra specification: where what VMs write goes, ``server`` or ``host``."""


def cow(volume: Any) -> str:
    """Return where what is written on a new volume is to go.

    :raises InvalidVolume: its type names no such place
    """
    specs = (volume.volume_type and volume.volume_type.extra_specs) or {}
    found = str(specs.get(COW, volume_record.SERVER))
    if found not in (volume_record.SERVER, volume_record.HOST):
        raise exception.InvalidVolume(
            reason=f"virtman: {COW} of the volume type is {found!r:.40}; it "
            f"is {volume_record.SERVER} or {volume_record.HOST}"
        )
    return found
