# SPDX-License-Identifier: Apache-2.0
"""Takes the beats of nodes and answers with the sources of their peers."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from volt.exception import NoSlot
from volt.model import Address, Assignment, Peer, Portals, Status
from volt.registry.session import Registry
from volt.registry.unit import Unit
from volt.rules import Rules
from volt.topology.tree_operations import TreeOperations

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """One volume that a node reports to serve."""

    volume_id: str
    peer_id: str
    address: Address
    failed: Portals = frozenset()
    """Portals at which the node cannot read this volume at present."""


@dataclasses.dataclass(frozen=True, slots=True)
class BeatAnswer:
    """The answer to a beat: the time of the next one, and the sources."""

    beat_after: float
    """Seconds."""
    peers: tuple[Assignment, ...] = ()


class Members:
    """The nodes, which beat."""

    def __init__(self, registry: Registry, rules: Rules) -> None:
        self._registry = registry
        self._rules = rules

    def beat(
        self, member: str, serving: Sequence[Serving] | None = None
    ) -> BeatAnswer:
        """Note that a node lives; return the sources of each of its peers.

        Old clients do not list what they serve.  A peer that an agent lists
        and volt does not know (volt lost its registry, or the node was
        evicted by mistake) is registered again.  A peer that gets no place is
        left out of the answer; the next beat tries again.
        """
        beat = _Beat(self._rules, member, serving)
        assignments, unknown = self._registry.note(beat.answer)
        if unknown:
            for service in unknown:
                self._register_again(member, service)
            assignments, _ = self._registry.note(beat.answer)
        return BeatAnswer(self._rules.pace.beat_after, tuple(assignments))

    def _register_again(self, member: str, service: Serving) -> None:
        rules = self._rules

        def work(unit: Unit) -> None:
            volume = unit.volumes.lock_or_create(
                service.volume_id, rules.fanout
            )
            allowance = rules.pace.allowance(agent=True)
            unit.members.seen(member, unit.now(), allowance)
            tree = TreeOperations(unit, volume, rules.policy)
            tree.serve(service.peer_id, member, service.address)

        try:
            self._registry.write(work)
        except NoSlot as reason:
            LOG.warning("%s", reason)


class _Beat:
    """One beat, answered in one transaction or several."""

    def __init__(
        self, rules: Rules, member: str, serving: Sequence[Serving] | None
    ) -> None:
        self._policy = rules.policy
        self._member = member
        self._serving = {service.peer_id: service for service in serving or ()}
        self._allowance = rules.pace.allowance(agent=serving is not None)

    def answer(self, unit: Unit) -> tuple[list[Assignment], list[Serving]]:
        """Return the node's assignments, and the services unknown to volt."""
        held = unit.members.holdings(self._member)
        if held:
            unit.members.beat(self._member, unit.now(), self._allowance)
        assignments = [
            TreeOperations(unit, volume, self._policy).assign(
                peer, self._failed(peer.peer_id)
            )
            for volume, peer in held
        ]
        peers = {peer.peer_id: peer for _, peer in held}
        return assignments, [
            service
            for service in self._serving.values()
            if not _same(service, peers.get(service.peer_id))
        ]

    def _failed(self, peer_id: str) -> Portals:
        service = self._serving.get(peer_id)
        return service.failed if service else frozenset()


def _same(service: Serving, peer: Peer | None) -> bool:
    return (
        peer is not None
        and peer.status is Status.OK
        and (peer.volume_id, peer.address)
        == (service.volume_id, service.address)
    )
