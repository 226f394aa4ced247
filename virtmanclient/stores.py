# SPDX-License-Identifier: Apache-2.0
"""The stores that one image server keeps for disks of other hosts.

``Stores(endpoint).open(...)`` lets one host write; asked of the server's
agent, by the door that the endpoint names.
"""

import dataclasses

from virtmanclient.agent import Agent
from virtmanclient.doors.endpoint import Door, parse_direct
from virtmanclient.doors.network import NetworkDoor
from virtmanclient.exceptions import (
    ClientError,
    CommunicationError,
)

LUN = 1
_ROOM = ("total", "free", "provisioned")


@dataclasses.dataclass(frozen=True)
class Store:
    """Where a host writes: ids and no secret.

    ``written`` is whether a disk has ever stood on it.
    """

    portal: str
    iqn: str
    written: bool

    @property
    def connection(self) -> dict[str, object]:
        """What the agent of the host that writes is given."""
        return {
            "target_portal": self.portal,
            "target_iqn": self.iqn,
            "target_lun": LUN,
        }


@dataclasses.dataclass(frozen=True)
class Room:
    """Room for files that grow, in bytes.

    ``provisioned`` is what those that there are take up once they are full.
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
        where = parse_direct(endpoint, "no stores are opened through a broker")
        self.node = where.address
        self._network = NetworkDoor(where.address, timeout, token)
        self._local = None
        if where.door is Door.LOCAL:
            self._local = Agent(where.address, timeout)

    def open(
        self, store: str, sectors: int, initiator: str, new: bool
    ) -> Store:
        """Let one initiator write on a store, and nobody else.

        :param sectors: of the disk that is to stand on it, of 512 bytes
        :param new: whether it is made if there is none
        :raises NotFound: there is none
        :raises Refused: another host has a session with it (by
            ``unix://``; else an ``OperationFailed`` with that reason)
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            made = self._local.open_store(store, sectors, initiator, new)
            return Store(made["portal"], made["iqn"], made["written"])
        wanted = (store, sectors, initiator, new)
        return _read(self._network.order("open_store", *wanted), self.node)

    def delete(self, store: str) -> None:
        """Remove a store with all that was written, if there is one.

        :raises Refused: a host has a session with it (as in ``open``)
        :raises ClientError: any other reason, see ``exceptions``
        """
        if self._local:
            self._local.delete_store(store)
            return
        self._network.order("delete_store", store)

    def written(self, store: str) -> bool:
        """Tell whether a disk has ever stood on a store that there is.

        :raises ClientError: it cannot be asked
        """
        if self._local:
            known = {
                one["store"]: bool(one["written"])
                for one in self._local.stores()
            }
            return known.get(store, False)
        listed: list[str] = self._network.ask("list_store")
        return any(
            one.startswith(f"{store} ") and one.endswith(" written")
            for one in listed
        )

    def room(self) -> Room:
        """Return the room in the folder of stores.

        :raises ClientError: it cannot be asked, or is of an older version
        """
        try:
            if self._local:
                told = self._local.room()
            else:
                words = self._network.order("store_room").split()
                told = dict(zip(_ROOM, words, strict=True))
            return Room(*(int(told[name]) for name in _ROOM))
        except ClientError:
            # One of them is a ValueError, too.
            raise
        except (KeyError, TypeError, ValueError):
            raise _no_agent(self.node) from None


def _read(text: str, node: str) -> Store:
    words = text.split()
    if len(words) != 3:
        raise _no_agent(node)
    return Store(words[0], words[1], words[2] == "written")


def _no_agent(node: str) -> ClientError:
    return CommunicationError(f"{node}: what answers is no agent of ours")
