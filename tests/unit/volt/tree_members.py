# SPDX-License-Identifier: Apache-2.0
"""Members of a tree in the registry: how they come, what they say."""

from memory_tree import VOLUME, address

from volt.topology.members import Serving


def joined(tree, *names):
    for name in names:
        tree.query(VOLUME, name, address(name))
        tree.register(VOLUME, f"{name}:{VOLUME}", name, address(name))


def sources(told):
    return [one.peer_id or one.address.host for one in told.stripes[0]]


def serving(name, volume=VOLUME, at=None):
    return Serving(volume, f"{name}:{volume}", address(at or name))
