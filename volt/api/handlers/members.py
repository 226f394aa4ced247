# SPDX-License-Identifier: Apache-2.0
"""Members: the nodes, which beat."""

from typing import Any

from volt.api.call import Answer, Call
from volt.api.handlers import wire
from volt.topology.members import Serving


def list_members(call: Call) -> Answer:
    """List the nodes, ordered by host."""
    found = call.services.listing.members(**call.query)
    return Answer([wire.node(one) for one in found])


def heartbeat(call: Call) -> Answer:
    """Note that a node lives; tell the parents of each of its peers.

    A node that says what it serves is an agent: it gets stripes, too, and
    is told when to beat again.
    """
    serving: list[dict[str, Any]] | None = call.body.get("serving")
    hosts = [one["host"] for one in serving or []]
    member = call.host(call.body.get("host", hosts[0] if hosts else None))
    if serving is None:
        told = call.services.members.beat(member)
        return Answer([wire.assignment(one, False) for one in told.peers])
    told = call.services.members.beat(
        member, [_serving(call, one) for one in serving]
    )
    peers = [wire.assignment(one, True) for one in told.peers]
    answer = {"beat_after": told.beat_after, "peers": peers}
    tickets = call.services.tickets
    for one in peers:
        tickets.add(one, call.body.get("initiator"))
    if "port" in call.body:
        answer["admission"] = tickets.admission(member, call.body["port"])
    return Answer(answer)


def _serving(call: Call, one: dict[str, Any]) -> Serving:
    address = wire.address(one, call.host(one["host"]))
    return Serving(
        one["session_name"],
        one["peer_id"],
        address,
        wire.portals(one.get("failed", ())),
    )
