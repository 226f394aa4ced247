# SPDX-License-Identifier: Apache-2.0
"""Evicts the peers of silent nodes, and places that were never taken."""

from __future__ import annotations

import logging
from collections.abc import Callable

from volt.event import Event
from volt.registry.session import Registry
from volt.registry.unit import Unit
from volt.rules import Rules
from volt.topology.tree_operations import TreeOperations

LOG = logging.getLogger(__name__)


class Eviction:
    """Finds overdue nodes and places; evicts each in its own transaction."""

    def __init__(self, registry: Registry, rules: Rules) -> None:
        self._registry = registry
        self._rules = rules

    def sweep(self) -> int:
        """Evict overdue nodes and places; return the number of peers."""
        gone = 0
        for volume_id, peer_id in self._registry.read(self._stale):
            gone += self._take_out(
                volume_id, peer_id, self._still_stale, Event.EXPIRED
            )
        for node in self._registry.read(self._overdue):
            gone += self._evict(node)
        return gone

    def clock_was_set(self) -> None:
        """Date beats of the future to now, after the clock was set back."""
        allowance = self._rules.pace.allowance(agent=False)
        self._registry.write(
            lambda unit: unit.members.not_after(unit.now(), allowance)
        )

    def _evict(self, node: str) -> int:
        def still_overdue(unit: Unit, _volume_id: str, _peer_id: str) -> bool:
            return unit.members.is_overdue(node, unit.now())

        held = self._registry.read(lambda unit: unit.members.holdings(node))
        gone = sum(
            self._take_out(
                peer.volume_id, peer.peer_id, still_overdue, Event.SILENT
            )
            for _, peer in held
        )
        self._registry.write(lambda unit: unit.members.forget_idle(node))
        LOG.warning("%s is silent, %d of its peers evicted", node, gone)
        return gone

    def _take_out(
        self,
        volume_id: str,
        peer_id: str,
        still: Callable[[Unit, str, str], bool],
        why: Event,
    ) -> int:
        """Evict a peer, unless it was heard of in the meantime."""

        def work(unit: Unit) -> int:
            volume = unit.volumes.lock(volume_id)
            if volume is None or not still(unit, volume_id, peer_id):
                return 0
            tree = TreeOperations(unit, volume, self._rules.policy)
            peer = tree.peers.get(peer_id)
            if peer is not None:
                tree.take_out(peer, why)
            return int(peer is not None)

        return self._registry.write(work)

    def _overdue(self, unit: Unit) -> list[str]:
        return unit.members.overdue(unit.now())

    def _stale(self, unit: Unit) -> list[tuple[str, str]]:
        return unit.members.stale(unit.now() - self._rules.reservation)

    def _still_stale(self, unit: Unit, volume_id: str, peer_id: str) -> bool:
        since = unit.now() - self._rules.reservation
        return unit.members.is_stale(volume_id, peer_id, since)
