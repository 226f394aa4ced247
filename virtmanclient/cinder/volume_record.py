# SPDX-License-Identifier: Apache-2.0
"""What is to be known of a volume, in Cinder's own database.

``provider_location`` is a field of volumes and snapshots that no user is
shown.  It holds one small JSON object: the image, and the host that has what
the VM has written.
"""

import dataclasses
import json
import re
from typing import Any

IMAGE_PREFIX = "volume-"
HOST, SERVER, MADE = "host", "server", "made"
"""Where writes go: the host's own disk, or a store of the image server's,
which was made or was not yet."""
_HOST = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SIZED = re.compile("(?P<id>[0-9a-f-]{36})-(?P<size>[1-9][0-9]{0,5})")


@dataclasses.dataclass(frozen=True)
class Record:
    """A volume: its image, and where its writes are.

    ``host`` and ``address`` are of the compute host that was told of the
    volume, None before the first; ``kept`` is whether its agent was seen to
    have the volume's disk, or what was written on it.  ``cow`` is where writes
    go; a record that does not say is of before there was a choice.
    """

    image: str
    host: str | None = None
    address: str | None = None
    kept: bool = False
    cow: str = HOST

    @property
    def on_server(self) -> bool:
        """Whether the image server has, or is to have, what is written."""
        return self.cow != HOST

    @property
    def untouched(self) -> bool:
        """Whether no host was ever told of it: it is its image still."""
        return self.host is None

    @property
    def image_name(self) -> str:
        """The image's name, as the agents know it."""
        return IMAGE_PREFIX + self.image

    def at(self, host: str, address: str, kept: bool) -> "Record":
        """Return the record of a volume that a host is told of."""
        return dataclasses.replace(self, host=host, address=address, kept=kept)

    def anew(self) -> "Record":
        """Return the record of a volume that is its image again."""
        return Record(self.image, cow=SERVER if self.on_server else HOST)

    def text(self) -> str:
        """Return it as ``provider_location``, which holds 255 bytes."""
        fields = dataclasses.asdict(self)
        if not self.on_server:
            # As this driver wrote it before.
            del fields["cow"]
        return json.dumps(fields, separators=(",", ":"))

    def update(self) -> dict[str, str]:
        """Return it as a driver's model update."""
        return {"provider_location": self.text()}


def of(entry: Any) -> Record | None:
    """Return what is known of a volume or snapshot of Cinder's.

    None of one that was never made.

    :raises ValueError: something else is in ``provider_location``
    """
    text = entry.provider_location
    if not text:
        return None
    try:
        return Record(**json.loads(text))
    except (ValueError, TypeError):
        raise ValueError(
            f"provider_location of {entry.id} is not of this driver"
        ) from None


def save(volume: Any, known: Record) -> None:
    """Write what is known of a volume into Cinder's database."""
    volume.provider_location = known.text()
    volume.save()


def sized(image_id: str, size: int) -> str:
    """Return the key of an image on a disk of a size.

    One RAW file and one tree of readers for each pair, so that a volume is as
    large as Cinder says.

    :param size: in GiB
    """
    return f"{image_id}-{size}"


def parts(key: str) -> tuple[str, int] | None:
    """Return image id and size in GiB of a key, None of what is none."""
    found = _SIZED.fullmatch(key)
    return (found["id"], int(found["size"])) if found else None


def is_host(name: object) -> bool:
    """Tell whether that can be a host's name."""
    return isinstance(name, str) and _HOST.fullmatch(name) is not None
