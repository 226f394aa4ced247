# SPDX-License-Identifier: Apache-2.0
"""The nodes that beat: what each says it serves, and what it is told."""

import dataclasses
import logging
from collections.abc import Sequence

from volt.exception import NoSlot
from volt.model import Address, Assignment, Peer, Portals, Status
from volt.registry.session import Registry
from volt.registry.unit import Unit
from volt.rules import Rules
from volt.topology.tree_operations import TreeWork

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """One volume that a node says it serves."""

    volume_id: str
    peer_id: str
    address: Address
    failed: Portals = frozenset()
    """Where it cannot read this volume at present."""


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """The answer to a beat: when to beat again, and what to read from."""

    beat_after: float
    """Seconds."""
    peers: tuple[Assignment, ...] = ()


class Members:
    """Takes beats."""

    def __init__(self, registry: Registry, rules: Rules) -> None:
        self._registry = registry
        self._rules = rules

    def beat(
        self, member: str, serving: Sequence[Serving] | None = None
    ) -> Told:
        """Note that a node lives; return what to read from, by peer.

        Old clients do not say what they serve.  What an agent serves and
        volt does not know (volt lost its registry, or the node was evicted
        by mistake) is registered again.  A peer that finds no place is left
        out of the answer; the next beat tries again.
        """
        beat = _Beat(self._rules, member, serving)
        told, unknown = self._registry.note(beat.answer)
        if unknown:
            for one in unknown:
                self._take_back(member, one)
            told, _ = self._registry.note(beat.answer)
        return Told(self._rules.pace.beat_after, tuple(told))

    def _take_back(self, member: str, one: Serving) -> None:
        rules = self._rules

        def work(unit: Unit) -> None:
            volume = unit.volumes.lock_or_create(one.volume_id, rules.fanout)
            allowance = rules.pace.allowance(agent=True)
            unit.members.seen(member, unit.now(), allowance)
            tree = TreeWork(unit, volume, rules.policy)
            tree.serve(one.peer_id, member, one.address)

        try:
            self._registry.write(work)
        except NoSlot as reason:
            LOG.warning("%s", reason)


class _Beat:
    """One beat, for one transaction or several."""

    def __init__(
        self, rules: Rules, member: str, serving: Sequence[Serving] | None
    ) -> None:
        self._policy = rules.policy
        self._member = member
        self._serving = {one.peer_id: one for one in serving or ()}
        self._allowance = rules.pace.allowance(agent=serving is not None)

    def answer(self, unit: Unit) -> tuple[list[Assignment], list[Serving]]:
        """Return what to tell the node, and what of its news is new."""
        held = unit.members.holdings(self._member)
        if held:
            unit.members.beat(self._member, unit.now(), self._allowance)
        told = [
            TreeWork(unit, volume, self._policy).assign(
                peer, self._failed(peer.peer_id)
            )
            for volume, peer in held
        ]
        known = {peer.peer_id: peer for _, peer in held}
        return told, [
            one
            for one in self._serving.values()
            if not _same(one, known.get(one.peer_id))
        ]

    def _failed(self, peer_id: str) -> Portals:
        said = self._serving.get(peer_id)
        return said.failed if said else frozenset()


def _same(said: Serving, peer: Peer | None) -> bool:
    return (
        peer is not None
        and peer.status is Status.OK
        and (peer.volume_id, peer.address) == (said.volume_id, said.address)
    )
