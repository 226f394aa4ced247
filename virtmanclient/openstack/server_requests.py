# SPDX-License-Identifier: Apache-2.0
"""The orders of a run: servers by name, and how all of them are booted."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

TAG = "virtman-burst"
"""The tag of each server that is made here; no other server is touched."""
MARK = "virtman_order"
"""The key in a server's metadata under which it has its order's mark."""


@dataclasses.dataclass(frozen=True, slots=True)
class Volume:
    """A volume made of the image, to boot from; sizes in GiB.

    :param kind: its volume type; by default Cinder's ``default_volume_type``
    """

    size: int
    kind: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Boot:
    """The image, flavor and so on of all servers of a run; ids, not names.

    :param volume: None for a disk of the flavor's size that Nova makes
    :param network: an id, or Nova's words ``auto`` and ``none``
    """

    image: str
    flavor: str
    volume: Volume | None
    network: str = "auto"
    key_name: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ServerRequest:
    """One server that is to be booted, or deleted.

    :param name: the server's name
    :param host: Nova's name of the host that it must run on; by default the
        scheduler chooses
    :param boot: how it is booted; not needed to delete it
    :param mark: tells servers of one name apart; by it a second run finds the
        servers of the first
    :param line: its line in a file of steps, counting from 1
    """

    name: str
    host: str | None = None
    boot: Boot | None = None
    mark: str = ""
    line: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The name and the mark that a server of this order has."""
        return self.name, self.mark or self.name


def numbered(
    prefix: str,
    count: int,
    hosts: Sequence[str] = (),
    boot: Boot | None = None,
) -> list[ServerRequest]:
    """Return orders for ``prefix-1`` and on, on the hosts in turn."""
    return [
        ServerRequest(
            f"{prefix}-{number}",
            hosts[(number - 1) % len(hosts)] if hosts else None,
            boot,
        )
        for number in range(1, count + 1)
    ]


def made(
    prefix: str, keys: Sequence[tuple[str, str]]
) -> Iterator[ServerRequest]:
    """Yield an order for each existing server with a name of ``numbered``.

    Shorter names come first, so that ``b-2`` comes before ``b-10``.
    """
    form = re.compile(re.escape(prefix) + r"-[1-9][0-9]*")
    for name, mark in sorted(keys, key=lambda key: (len(key[0]), key)):
        if name == mark and form.fullmatch(name):
            yield ServerRequest(name)
