# SPDX-License-Identifier: Apache-2.0
"""The record of a volume: its image and its COW store, in Cinder's database.

The record is one small JSON object in ``provider_location``, a field of
volumes and snapshots that users do not see.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

IMAGE_PREFIX = "volume-"
HOST, SERVER, MADE = "host", "server", "made"
"""Where writes go: a host store; a server store that is not made yet; a
server store that is made."""
_HOST = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SIZED = re.compile("(?P<id>[0-9a-f-]{36})-(?P<size>[1-9][0-9]{0,5})")


@dataclasses.dataclass(frozen=True)
class Record:
    """A volume's image, and where its writes are.

    ``host`` and ``address`` are of the compute host that was told of the
    volume, None before the first; ``kept`` is whether its agent was seen to
    have the volume's disk, or what was written on it.  ``cow`` is where writes
    go; records without it were written when a host store was the only choice.
    """

    image: str
    host: str | None = None
    address: str | None = None
    kept: bool = False
    cow: str = HOST

    @property
    def on_server(self) -> bool:
        """Whether the volume's COW store is a server store."""
        return self.cow != HOST

    @property
    def untouched(self) -> bool:
        """Whether no host was ever told of the volume: it is its image."""
        return self.host is None

    @property
    def image_name(self) -> str:
        """The image's name, as the agents know it."""
        return IMAGE_PREFIX + self.image

    def at(self, host: str, address: str, kept: bool) -> Record:
        """Return the record of a volume that a host is told of."""
        return dataclasses.replace(self, host=host, address=address, kept=kept)

    def anew(self) -> Record:
        """Return the record of a volume that is its image again."""
        return Record(self.image, cow=SERVER if self.on_server else HOST)

    def text(self) -> str:
        """Return the record as text for ``provider_location`` (255 bytes)."""
        fields = dataclasses.asdict(self)
        if not self.on_server:
            # Without the field, earlier versions of this driver read it, too.
            del fields["cow"]
        return json.dumps(fields, separators=(",", ":"))

    def update(self) -> dict[str, str]:
        """Return the record as a driver's model update."""
        return {"provider_location": self.text()}


def of(entry: Any) -> Record | None:
    """Return the record of a volume or snapshot, None if it was never made.

    :raises ValueError: ``provider_location`` holds no record of this driver
    """
    text = entry.provider_location
    if not text:
        return None
    try:
        return Record(**json.loads(text))
    except (ValueError, TypeError):
        raise ValueError(
            f"the provider_location of {entry.id} holds no record of this "
            "driver"
        ) from None


def save(volume: Any, record: Record) -> None:
    """Write the record of a volume into Cinder's database."""
    volume.provider_location = record.text()
    volume.save()


def sized(image_id: str, size: int) -> str:
    """Return the key of an image on a disk of a size.

    Each pair of image and size has a RAW file and a tree of readers of its
    own, so that a volume is as large as Cinder says.

    :param size: in GiB
    """
    return f"{image_id}-{size}"


def parts(key: str) -> tuple[str, int] | None:
    """Return image id and size in GiB of a key, None of another text."""
    match = _SIZED.fullmatch(key)
    return (match["id"], int(match["size"])) if match else None


def is_host(name: object) -> bool:
    """Tell whether a value can be a host's name."""
    return isinstance(name, str) and _HOST.fullmatch(name) is not None
