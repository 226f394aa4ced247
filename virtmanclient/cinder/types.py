# SPDX-License-Identifier: Apache-2.0
"""What the type of a volume asks for."""

from typing import Any

from cinder import exception

from virtmanclient.cinder import record

COW = "virtman:cow"
"""Extra specification: where what VMs write goes, ``server`` or ``host``."""


def cow(volume: Any) -> str:
    """Return where what is written on a new volume is to go.

    :raises InvalidVolume: its type names no such place
    """
    specs = (volume.volume_type and volume.volume_type.extra_specs) or {}
    found = str(specs.get(COW, record.SERVER))
    if found not in (record.SERVER, record.HOST):
        raise exception.InvalidVolume(
            reason=f"virtman: {COW} of the volume type is {found!r:.40}; it "
            f"is {record.SERVER} or {record.HOST}"
        )
    return found
