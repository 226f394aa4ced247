# SPDX-License-Identifier: Apache-2.0
"""The nodes that beat: what each says it serves, and what it is told."""

import dataclasses
import logging
from collections.abc import Sequence

from volt.exception import NoSlot
from volt.executor.policy import Policy
from volt.model import Address, Assignment, Peer, Status
from volt.registry.session import Registry
from volt.registry.unit import Unit
from volt.treework import TreeWork

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """One volume that a node says it serves."""

    volume_id: str
    peer_id: str
    address: Address


class Members:
    """Takes beats; ``fanout`` is for the trees that a beat brings back."""

    def __init__(
        self, registry: Registry, policy: Policy, fanout: int = 2
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._fanout = fanout

    def beat(
        self, member: str, serving: Sequence[Serving] = ()
    ) -> list[Assignment]:
        """Note that a node lives; return what to read from, by peer.

        What it serves and volt does not know (volt lost its registry, or
        the node was evicted by mistake) is registered again.  A peer that
        finds no place is left out of the answer; the next beat tries again.
        """
        told, unknown = self._registry.write(
            lambda unit: self._answer(unit, member, serving)
        )
        if not unknown:
            return told
        for one in unknown:
            self._take_back(member, one)
        return self._registry.write(
            lambda unit: self._answer(unit, member, ())
        )[0]

    def _take_back(self, member: str, one: Serving) -> None:
        def work(unit: Unit) -> None:
            volume = unit.volumes.lock_or_create(one.volume_id, self._fanout)
            unit.members.seen(member, unit.now())
            tree = TreeWork(unit, volume, self._policy)
            tree.serve(one.peer_id, member, one.address)

        try:
            self._registry.write(work)
        except NoSlot as reason:
            LOG.warning("%s", reason)

    def _answer(
        self, unit: Unit, member: str, serving: Sequence[Serving]
    ) -> tuple[list[Assignment], list[Serving]]:
        """Return what to tell the node, and what of its news is new."""
        held = unit.members.holdings(member)
        if held:
            unit.members.seen(member, unit.now())
        told = [
            TreeWork(unit, volume, self._policy).assign(peer)
            for volume, peer in held
        ]
        known = {peer.peer_id: peer for _, peer in held}
        return told, [
            one for one in serving if not _same(one, known.get(one.peer_id))
        ]


def _same(said: Serving, peer: Peer | None) -> bool:
    return (
        peer is not None
        and peer.status is Status.OK
        and (peer.volume_id, peer.address) == (said.volume_id, said.address)
    )
