# SPDX-License-Identifier: Apache-2.0
"""One tree in a dict: the pure functions without the registry."""

import dataclasses

from volt.executor import placement, shape
from volt.model import Address, Move, Opening, Peer, Status

VOLUME = "volume-a"


def address(name):
    return Address(name, "3260", f"iqn.2010-10.org.openstack:{VOLUME}", "1")


def peer(name, position, status=Status.OK, promise=True):
    where = address(name) if promise else Address(name)
    return Peer(VOLUME, f"{name}:{VOLUME}", name, where, status, position)


class MemoryTree:
    """Answers what placement asks, by looking at everything."""

    def __init__(self, fanout=2):
        self.fanout = fanout
        self.peers = {}
        self.moved = []

    @property
    def size(self):
        return len(self.peers)

    def at(self, positions):
        return {p: self.peers[p] for p in positions if p in self.peers}

    def occupied(self, positions):
        return set(self.at(positions))

    def last(self):
        return self.peers[max(self.peers)]

    def opening(self, one):
        below = shape.children_of(one.position, self.fanout)
        return placement.opening_of(one, len(self.at(below)), self.fanout)

    def lowest_open(self, least):
        places = [
            p for p in self.peers if self.opening(self.peers[p]) >= least
        ]
        if not places:
            return None
        below = shape.children_of(min(places), self.fanout)
        return placement.Vacancy(min(places), self.occupied(below))

    def highest_serving(self, limit):
        ordered = [self.peers[p] for p in sorted(self.peers, reverse=True)]
        serving = Opening.SERVING
        return [one for one in ordered if self.opening(one) is serving][:limit]

    # What the service does with those answers.

    def find(self, name):
        found = (one for one in self.peers.values() if one.member == name)
        return next(found, None)

    def join(self, name, agent=True):
        least = Opening.PROMISED if agent else Opening.SERVING
        place = self._place(least)
        if place is not None:
            one = peer(name, place, Status.PENDING, promise=agent)
            self.peers[place] = one
        return place

    def register(self, name):
        known = self.find(name)
        place = known.position if known else self._any_place()
        if place is not None:
            self.peers[place] = peer(name, place)
        return place

    def leave(self, name):
        gone = self.find(name)
        moves = placement.vacate(self, gone)
        del self.peers[gone.position]
        for move in moves:
            self._apply(move)
        self.moved = moves
        return moves

    def _any_place(self):
        for least in (Opening.SERVING, Opening.PROMISED):
            place = self._place(least)
            if place is not None:
                return place
        return None

    def _place(self, least):
        found = placement.place(self, least)
        if found is None:
            return None
        above = shape.parent_of(found.position, self.fanout)
        below = self.at(shape.children_of(above, self.fanout))
        assert found.last == (len(below) == self.fanout - 1)
        return found.position

    def _apply(self, move: Move):
        del self.peers[move.peer.position]
        assert move.position not in self.peers
        self.peers[move.position] = dataclasses.replace(
            move.peer, position=move.position
        )

    @property
    def depth(self):
        return shape.level_of(max(self.peers, default=0), self.fanout)


def grown(count, fanout=2):
    """Return a tree of so many peers, all serving."""
    tree = MemoryTree(fanout)
    for number in range(count):
        tree.join(f"n{number}")
        tree.register(f"n{number}")
    return tree
