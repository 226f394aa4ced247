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
    found = {_host(one) for one in volume.volume_attachment or ()}
    return {host for host in found if host}


def _host(attachment: Any) -> str | None:
    connector = attachment.connector
    told = connector.get('host') if isinstance(connector, Mapping) else None
    host: str | None = told or attachment.attached_host
    return host
