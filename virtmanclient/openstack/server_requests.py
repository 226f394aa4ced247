# SPDX-License-Identifier: Apache-2.0
"""What is asked for: servers, each by name, and how all of them are booted."""

import dataclasses
import re
from collections.abc import Iterator, Sequence

TAG = "virtman-burst"
"""Each server that is made here has this tag; no other is ever touched."""
MARK = "virtman_order"
"""The key of the server's metadata that tells which order it came from."""


@dataclasses.dataclass(frozen=True, slots=True)
class Volume:
    """A volume made of the image, to boot from; sizes in GiB.

    :param kind: its volume type; by default Cinder's ``default_volume_type``
    """

    size: int
    kind: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Boot:
    """What all servers of a run have in common; ids, not names.

    :param volume: None for a disk of the flavor's, as Nova makes it
    :param network: an id, or Nova's words ``auto`` and ``none``
    """

    image: str
    flavor: str
    volume: Volume | None
    network: str = "auto"
    key_name: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """One server that shall be there, or be gone.

    :param name: its name
    :param host: Nova's name of the host that it must run on; by default the
        scheduler chooses
    :param boot: how it is booted; not needed to delete it
    :param mark: tells the servers of one name apart; a second run finds by
        it what the first one made
    :param line: in a file of steps, counting from 1
    """

    name: str
    host: str | None = None
    boot: Boot | None = None
    mark: str = ""
    line: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What a server of this order has: its name and its mark."""
        return self.name, self.mark or self.name


def numbered(
    prefix: str,
    count: int,
    hosts: Sequence[str] = (),
    boot: Boot | None = None,
) -> list[Order]:
    """Return ``prefix-1`` and on, the hosts in turn if there are any."""
    return [
        Order(
            f"{prefix}-{number}",
            hosts[(number - 1) % len(hosts)] if hosts else None,
            boot,
        )
        for number in range(1, count + 1)
    ]


def made(prefix: str, keys: Sequence[tuple[str, str]]) -> Iterator[Order]:
    """Yield an order for each server there is of ``numbered``'s names."""
    form = re.compile(re.escape(prefix) + r"-[1-9][0-9]*")
    for name, mark in sorted(keys, key=lambda key: (len(key[0]), key)):
        if name == mark and form.fullmatch(name):
            yield Order(name)
