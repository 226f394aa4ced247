# SPDX-License-Identifier: Apache-2.0
"""The server stores of one image server: ``Stores(endpoint).open(...)``.

A server store takes the writes of a disk on another host.  The image server's
agent is asked, by the door that the endpoint names.
"""

from __future__ import annotations

import dataclasses

from virtmanclient.agent import Agent
from virtmanclient.doors.network import direct
from virtmanclient.exceptions import (
    ClientError,
    CommunicationError,
)

LUN = 1
# The words of the answer to store_room, in their order.
_ROOM = ("total", "free", "provisioned")


@dataclasses.dataclass(frozen=True)
class Store:
    """A server store that was opened to a host: ids and no secret.

    ``written`` is whether a disk has ever stood on the store.
    """

    portal: str
    iqn: str
    written: bool

    @property
    def connection(self) -> dict[str, object]:
        """The store as the connection that the writing host's agent takes."""
        return {
            "target_portal": self.portal,
            "target_iqn": self.iqn,
            "target_lun": LUN,
        }


@dataclasses.dataclass(frozen=True)
class Room:
    """Room for files that grow, in bytes.

    ``provisioned`` is what the existing files take up once they are full.
    """

    total: int
    free: int
    provisioned: int


class Stores:
    """Opens, removes and looks at the stores of one node.

    :param endpoint: ``unix:///run/virtman/agent.sock``, ``host:port`` or
        ``http://host:port``
    :param timeout: seconds to wait for an answer, None for ever
    :param token: the node's secret; None takes the environment's
    :raises InvalidEndpoint: the endpoint is none of these
    """

    def __init__(
        self,
        endpoint: str,
        timeout: float | None = 600,
        token: str | None = None,
    ) -> None:
        doors = direct(
            endpoint, timeout, token, Agent, "stores cannot be opened"
        )
        self.node = doors.node
        self._local, self._network = doors.local, doors.network

    def open(
        self, store: str, sectors: int, initiator: str, new: bool
    ) -> Store:
        """Open a store to one initiator; return the store.

        :param sectors: of the disk that is to stand on it, of 512 bytes
        :param new: whether a missing store is made
        :raises NotFound: the store is missing, and ``new`` is false
        :raises Refused: another host has a session with the store (by
            ``unix://``; else an ``OperationFailed`` with that reason)
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            made = self._local.open_store(store, sectors, initiator, new)
            return Store(made["portal"], made["iqn"], made["written"])
        wanted = (store, sectors, initiator, new)
        return _read(self._network.order("open_store", *wanted), self.node)

    def delete(self, store: str) -> None:
        """Remove a store with all that was written; a missing one is fine.

        :raises Refused: a host has a session with the store (as in ``open``)
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            self._local.delete_store(store)
            return
        self._network.order("delete_store", store)

    def written(self, store: str) -> bool:
        """Tell whether a store exists and a disk has ever stood on it.

        :raises ClientError: the agent cannot be asked
        """
        if self._local:
            written = {
                entry["store"]: bool(entry["written"])
                for entry in self._local.stores()
            }
            return written.get(store, False)
        lines: list[str] = self._network.ask("list_store")
        return any(
            line.startswith(f"{store} ") and line.endswith(" written")
            for line in lines
        )

    def room(self) -> Room:
        """Return the room in the folder of stores.

        :raises ClientError: the agent cannot be asked, or is of a version
            before this call
        """
        try:
            if self._local:
                room = self._local.room()
            else:
                words = self._network.order("store_room").split()
                room = dict(zip(_ROOM, words, strict=True))
            return Room(*(int(room[name]) for name in _ROOM))
        except ClientError:
            # InvalidEndpoint is a ValueError, too.
            raise
        except (KeyError, TypeError, ValueError):
            raise _no_agent(self.node) from None


def _read(text: str, node: str) -> Store:
    """Return the store of an answer: portal, name, and written or new."""
    words = text.split()
    if len(words) != 3:
        raise _no_agent(node)
    return Store(words[0], words[1], words[2] == "written")


def _no_agent(node: str) -> ClientError:
    return CommunicationError(
        f"{node}: the answer is not one of virtman-server; is another "
        "service at this address?"
    )
