# SPDX-License-Identifier: Apache-2.0
"""Where a volume is attached, by Cinder's own records.

A user who may attach can ask for a connection to any host, and take it away
again, while the real one lives.  So the attachments are read from Cinder's
records and not guessed from the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def hosts(volume: Any) -> set[str]:
    """Return the hosts that a volume is connected to."""
    return {host for host, _ in _places(volume) if host}


def elsewhere(volume: Any, host: str, address: str) -> set[str]:
    """Return the hosts that have a volume, except the given one.

    A host of that name with another address counts as another host.
    """
    return {
        at
        for at, ip in _places(volume)
        if at and (at != host or ip not in (None, address))
    }


def initiators(volume: Any, host: str) -> set[str]:
    """Return the initiators by which a host is connected to a volume."""
    attachments = volume.volume_attachment or ()
    connectors = (attachment.connector for attachment in attachments)
    return {
        str(connector["initiator"])
        for connector in connectors
        if isinstance(connector, Mapping)
        and connector.get("host") == host
        and connector.get("initiator")
    }


def _places(volume: Any) -> set[tuple[str | None, str | None]]:
    attachments = volume.volume_attachment or ()
    return {_place(attachment) for attachment in attachments}


def _place(attachment: Any) -> tuple[str | None, str | None]:
    """Return host and address of an attachment, as far as it has them."""
    connector = attachment.connector
    # An attachment that is only reserved has no connector.
    if not isinstance(connector, Mapping):
        return attachment.attached_host, None
    host = connector.get("host") or attachment.attached_host
    return host, connector.get("ip")
