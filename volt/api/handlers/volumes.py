# SPDX-License-Identifier: Apache-2.0
"""Handlers of volumes: the trees, and the peers that join and leave them."""

from __future__ import annotations

from volt.api.call import Answer, Call
from volt.api.handlers import wire


def list_volumes(call: Call) -> Answer:
    """List the volumes and the number of peers of each."""
    # The original's clients know no pages: without a query they get all.
    if call.query:
        volumes = call.services.listing.volumes(**call.query)
    else:
        volumes = call.services.tree.volumes()
    return Answer(
        [{"id": volume.name, "count": volume.size} for volume in volumes]
    )


def show_volume(call: Call) -> Answer:
    """List the peers of one volume."""
    name = call.path["volume_id"]
    if call.query:
        peers = call.services.listing.peers(name, **call.query)
    else:
        peers = call.services.tree.peers(name)
    return Answer(wire.peers(peers))


def delete_volume(call: Call) -> Answer:
    """Drop a volume; with ``?force=true`` even while peers serve it."""
    call.services.tree.drop(call.path["volume_id"], call.query["force"])
    return Answer()


def query(call: Call) -> Answer:
    """Keep a place in the tree for the caller and return its parents."""
    member = call.host(call.body.get("host"))
    agent = call.body.get("accept_pending") is True
    promise = wire.address(call.body, member) if agent else None
    failed = wire.portals(call.body.get("failed", ()) if agent else ())
    services = call.services
    assigned = services.tree.query(
        call.path["volume_id"], member, promise, failed
    )
    if not agent:
        return Answer(wire.assignment(assigned, stripes=False))
    initiator = call.body.get("initiator")
    assigned = services.tickets.grant(assigned, initiator)
    answer = wire.assignment(assigned, stripes=True)
    answer["beat_after"] = services.tree.beat_after
    if "initiator" in call.body:
        answer["admission"] = wire.admission(
            services.tickets.admission(member, call.body["port"])
        )
    return Answer(answer)


def register_peer(call: Call) -> Answer:
    """Register the address at which a peer serves the volume."""
    member = call.host(call.body.get("host"))
    host = str(call.body.get("host") or member)
    peer = call.services.tree.register(
        call.path["volume_id"],
        call.path["peer_id"],
        member,
        wire.address(call.body, host),
    )
    return Answer(wire.peer(peer))


def delete_peer(call: Call) -> Answer:
    """Take a peer out of the tree."""
    call.services.tree.remove(call.path["volume_id"], call.path["peer_id"])
    return Answer()
