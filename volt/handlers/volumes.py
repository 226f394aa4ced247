# SPDX-License-Identifier: Apache-2.0
"""Volumes: the trees, and the peers that join and leave them."""

from volt.call import Answer, Call
from volt.exception import InvalidPath
from volt.handlers import wire
from volt.schemas.pages import read_by_peer, read_by_volume
from volt.schemas.volumes import check_query, check_register


def list_volumes(call: Call) -> Answer:
    """List the volumes and the number of peers of each."""
    if _paged(call):
        page = read_by_volume(call.parameters)
        volumes = call.services.listing.volumes(**page)
    else:
        volumes = call.services.tree.volumes()
    return Answer([{'id': one.name, 'count': one.size} for one in volumes])


def show_volume(call: Call) -> Answer:
    """List the peers of one volume."""
    name = call.path['volume_id']
    if _paged(call):
        page = read_by_peer(call.parameters)
        return Answer(wire.peers(call.services.listing.peers(name, **page)))
    return Answer(wire.peers(call.services.tree.peers(name)))


def delete_volume(call: Call) -> Answer:
    """Drop a volume; ``?force=true`` even while peers serve it."""
    force = call.parameters.get('force', 'false').lower()
    if force not in ('true', 'false'):
        raise InvalidPath(f"force={force}: say true or false")
    call.services.tree.drop(call.path['volume_id'], force == 'true')
    return Answer()


def query(call: Call) -> Answer:
    """Keep a place in the tree for the caller and tell its parents."""
    check_query(call.body)
    member = call.host(call.body.get('host'))
    agent = call.body.get('accept_pending') is True
    promise = wire.address(call.body, member) if agent else None
    failed = wire.portals(call.body.get('failed', ()) if agent else ())
    services = call.services
    told = services.tree.query(call.path['volume_id'], member, promise, failed)
    answer = wire.assignment(told, stripes=agent)
    if agent:
        answer['beat_after'] = services.tree.beat_after
    return Answer(answer)


def register_peer(call: Call) -> Answer:
    """Note from where a peer serves the volume."""
    check_register(call.body)
    member = call.host(call.body.get('host'))
    host = str(call.body.get('host') or member)
    peer = call.services.tree.register(
        call.path['volume_id'],
        call.path['peer_id'],
        member,
        wire.address(call.body, host),
    )
    return Answer(wire.peer(peer))


def delete_peer(call: Call) -> Answer:
    """Take a peer out of the tree."""
    call.services.tree.remove(call.path['volume_id'], call.path['peer_id'])
    return Answer()


def _paged(call: Call) -> bool:
    """Whether the caller knows of pages; the original's clients want all."""
    return not call.parameters.keys().isdisjoint(('limit', 'marker'))
