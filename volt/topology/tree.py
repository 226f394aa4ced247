# SPDX-License-Identifier: Apache-2.0
"""Queries, joins and leaves of trees: one transaction each."""

from __future__ import annotations

import logging

from volt.event import Event
from volt.exception import PeerNotFound, VolumeInUse, VolumeNotFound
from volt.model import Address, Assignment, Peer, Portals, Status, Volume
from volt.registry.session import Registry
from volt.registry.unit import Unit
from volt.rules import Rules
from volt.topology.tree_operations import TreeOperations

LOG = logging.getLogger(__name__)


class Tree:
    """The trees, one for each volume."""

    def __init__(self, registry: Registry, rules: Rules) -> None:
        self._registry = registry
        self._rules = rules

    @property
    def beat_after(self) -> float:
        """Seconds after which an agent that queries now is to beat."""
        return self._rules.pace.beat_after

    def volumes(self) -> list[Volume]:
        """Return the volumes that have peers."""
        return self._registry.read(lambda unit: unit.volumes.all())

    def peers(self, name: str) -> list[Peer]:
        """Return the peers of a volume, the nearest to the root first."""

        def work(unit: Unit) -> list[Peer]:
            return unit.peers(_known(unit.volumes.get(name), name)).all()

        return self._registry.read(work)

    def query(
        self,
        name: str,
        member: str,
        promise: Address | None = None,
        failed: Portals = frozenset(),
    ) -> Assignment:
        """Return the place of ``member`` in a tree; keep one if it has none.

        ``promise`` is the address from which an agent is going to serve; such
        an agent accepts a parent that is still coming up, too.
        ``failed`` are portals at which it cannot read at present.
        """
        allowance = self._rules.pace.allowance(agent=promise is not None)

        def work(unit: Unit) -> Assignment:
            volume = unit.volumes.lock_or_create(name, self._rules.fanout)
            tree = TreeOperations(unit, volume, self._rules.policy)
            unit.members.seen(member, unit.now(), allowance)
            peer = tree.peers.get(f"{member}:{name}")
            if peer is None:
                peer = tree.reserve(member, promise)
            elif promise or peer.status is Status.PENDING:
                peer = tree.renew(peer, promise)
            if peer is None:
                return tree.no_slot(failed)
            return tree.assign(peer, failed)

        return self._registry.write(work)

    def register(
        self, name: str, peer_id: str, member: str, address: Address
    ) -> Peer:
        """Note that a peer serves the volume from now on.

        Raises :class:`~volt.exception.VolumeNotFound` for a volume without
        peers, :class:`~volt.exception.NoSlot` when the peer was evicted
        and has to wait for a place.
        """
        # Whether it is an agent is known only from its queries and beats.
        allowance = self._rules.pace.allowance(agent=True)

        def work(unit: Unit) -> Peer:
            volume = _known(unit.volumes.lock(name), name)
            tree = TreeOperations(unit, volume, self._rules.policy)
            registered = tree.peers.get(peer_id)
            owner = registered.member if registered else member
            unit.members.seen(owner, unit.now(), allowance)
            return tree.serve(peer_id, owner, address)

        return self._registry.write(work)

    def remove(self, name: str, peer_id: str) -> None:
        """Take a peer out; its readers learn of it by their next beat."""

        def work(unit: Unit) -> None:
            volume = _known(unit.volumes.lock(name), name)
            tree = TreeOperations(unit, volume, self._rules.policy)
            peer = tree.peers.get(peer_id)
            if peer is None:
                raise PeerNotFound(f"volume {name} has no peer {peer_id}")
            tree.take_out(peer)

        self._registry.write(work)

    def drop(self, name: str, force: bool = False) -> None:
        """Drop a whole volume; serving peers prevent it, unless forced."""

        def work(unit: Unit) -> None:
            volume = _known(unit.volumes.lock(name), name)
            if not force and unit.peers(volume).any_ok():
                raise VolumeInUse(
                    f"volume {name} has peers that serve it; "
                    "remove them first or add force=true"
                )
            unit.volumes.delete(volume)
            unit.happened(Event.LEFT, volume.size)
            LOG.info("volume %s dropped with %d peers", name, volume.size)

        self._registry.write(work)


def _known(volume: Volume | None, name: str) -> Volume:
    if volume is None:
        raise VolumeNotFound(f"there is no volume {name}; query it first")
    return volume
