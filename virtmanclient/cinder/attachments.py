# SPDX-License-Identifier: Apache-2.0
"""Where a volume is attached, by Cinder's own records.

Any user who may attach can ask for a connection to a host of his choice, and
take it away again, while the real one lives; so what is really attached is
read here and not guessed from the call.
"""

from collections.abc import Mapping
from typing import Any


def hosts(volume: Any) -> set[str]:
    """Return the hosts that a volume has been connected to and still is."""
    return {host for host, _ in _places(volume) if host}


def elsewhere(volume: Any, host: str, address: str) -> set[str]:
    """Return the hosts that have it besides one, which has an address.

    One of that name and another address is another host.
    """
    return {
        at
        for at, ip in _places(volume)
        if at and (at != host or ip not in (None, address))
    }


def initiators(volume: Any, host: str) -> set[str]:
    """Return the initiators by which a host is connected to a volume."""
    told = (one.connector for one in volume.volume_attachment or ())
    found = (one for one in told if isinstance(one, Mapping))
    return {
        str(one["initiator"])
        for one in found
        if one.get("host") == host and one.get("initiator")
    }


def _places(volume: Any) -> set[tuple[str | None, str | None]]:
    return {_place(one) for one in volume.volume_attachment or ()}


def _place(attachment: Any) -> tuple[str | None, str | None]:
    told = attachment.connector
    if not isinstance(told, Mapping):
        return attachment.attached_host, None
    return told.get("host") or attachment.attached_host, told.get("ip")
