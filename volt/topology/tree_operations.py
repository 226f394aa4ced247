# SPDX-License-Identifier: Apache-2.0
"""The steps of joining, serving and leaving one tree in a transaction."""

from __future__ import annotations

import dataclasses
import logging

from volt.event import Event
from volt.exception import NoSlot
from volt.executor import placement
from volt.executor.policy import Policy
from volt.executor.stripes import stripes
from volt.model import (
    Address,
    Assignment,
    Image,
    Opening,
    Peer,
    Portals,
    Status,
    Volume,
)
from volt.registry.unit import Unit

LOG = logging.getLogger(__name__)


class TreeOperations:
    """One tree in a transaction; to write, the caller locks its volume."""

    def __init__(self, unit: Unit, volume: Volume, policy: Policy) -> None:
        self._unit = unit
        self._volume = volume
        self._policy = policy
        self.peers = unit.peers(volume)

    def reserve(self, member: str, promise: Address | None) -> Peer | None:
        """Keep a place for a newcomer; return None when no place is free."""
        least = Opening.PROMISED if promise else Opening.SERVING
        peer = self._put_in(
            Peer(
                volume_id=self._volume.name,
                peer_id=f"{member}:{self._volume.name}",
                member=member,
                address=promise or Address(member),
                status=Status.PENDING,
                position=-1,
            ),
            least,
        )
        self._unit.happened(Event.JOINED if peer else Event.NO_PLACE)
        return peer

    def renew(self, peer: Peer, promise: Address | None) -> Peer:
        """Note that a known peer queries again; its status stays as it is."""
        peer = dataclasses.replace(peer, address=promise or peer.address)
        self.peers.update(peer, self._unit.now())
        return peer

    def serve(self, peer_id: str, member: str, address: Address) -> Peer:
        """Note that a peer serves; an evicted one gets a new place."""
        registered = self.peers.get(peer_id)
        if registered is not None:
            changed = dataclasses.replace(
                registered, member=member, address=address, status=Status.OK
            )
            if changed != registered:
                self.peers.update(changed, self._unit.now())
            return changed
        peer = self._put_in(
            Peer(
                volume_id=self._volume.name,
                peer_id=peer_id,
                member=member,
                address=address,
                status=Status.OK,
                position=-1,
            ),
            Opening.SERVING,
            Opening.PROMISED,
        )
        if peer is None:
            raise NoSlot(
                f"volume {self._volume.name} has no place for {peer_id} now: "
                "the peers that could take it are still coming up; try again"
            )
        self._unit.happened(Event.TAKEN_BACK)
        return peer

    def take_out(self, peer: Peer, why: Event = Event.LEFT) -> None:
        """Remove a peer and close the gap; an empty volume goes with it."""
        self._unit.happened(why)
        moves = placement.vacate(self.peers, peer)
        self.peers.remove(peer, moves)
        LOG.debug("%s left, %d moved", peer.peer_id, len(moves))
        if not self.peers.size:
            self._unit.volumes.delete(self._volume)

    def assign(self, peer: Peer, failed: Portals = frozenset()) -> Assignment:
        """Return the assignment of a peer: parents, sources, image.

        ``failed`` are the portals at which it cannot read at present.
        """
        if failed:
            self._unit.happened(Event.FAILED_SOURCE, len(failed))
        near = self._near(peer, failed)
        soon = self._policy.choose(
            peer.position, self._fanout, near, pending=True, failed=failed
        )
        now = soon
        if not all(parent.serves for parent in soon):
            now = self._policy.choose(
                peer.position, self._fanout, near, pending=False, failed=failed
            )
        return self._answer(peer.peer_id, now, soon, peer.position - 1, failed)

    def _near(self, peer: Peer, failed: Portals) -> dict[int, Peer]:
        """Return the peers that the policy may choose from, few if all serve.

        A peer that is still coming up seldom has parents that all serve, so
        all of its possible parents are read at once.
        """
        best = self._policy.best(peer.position, self._fanout)
        if peer.serves:
            near = self.peers.at(best)
            if len(near) == len(best) and all(
                parent.serves and parent.address.portal not in failed
                for parent in near.values()
            ):
                return near
        reach = self._policy.reach(peer.position, self._fanout)
        return self.peers.at(best, reach - best)

    def no_slot(self, failed: Portals = frozenset()) -> Assignment:
        """Return the assignment of a newcomer that has to ask again."""
        LOG.debug("no place in %s now", self._volume.name)
        return self._answer(None, [], [], self.peers.size, failed)

    def _answer(
        self,
        peer_id: str | None,
        now: list[Peer],
        soon: list[Peer],
        turn: int,
        failed: Portals,
    ) -> Assignment:
        image = self._image()
        portals = image.sources if image else ()
        return Assignment(
            peer_id, tuple(now), stripes(soon, portals, turn, failed), image
        )

    def _image(self) -> Image | None:
        return self._unit.images.get(self._volume.name)

    def _put_in(self, peer: Peer, *leasts: Opening) -> Peer | None:
        for least in leasts:
            place = placement.place(self.peers, least)
            if place is not None:
                peer = dataclasses.replace(peer, position=place.position)
                self.peers.insert(peer, self._unit.now(), place.last)
                LOG.debug("%s joined at %d", peer.peer_id, peer.position)
                return peer
        return None

    @property
    def _fanout(self) -> int:
        return self._volume.fanout
