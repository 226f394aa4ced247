# SPDX-License-Identifier: Apache-2.0
"""Handlers of members: the nodes and their beats."""

from __future__ import annotations

from typing import Any

from volt.api.call import Answer, Call
from volt.api.handlers import wire
from volt.topology.members import Serving


def list_members(call: Call) -> Answer:
    """List the nodes, ordered by host."""
    nodes = call.services.listing.members(**call.query)
    return Answer([wire.node(node) for node in nodes])


def heartbeat(call: Call) -> Answer:
    """Note that a node lives; return the parents of each of its peers.

    A node that lists its services is an agent: its answer has stripes, too,
    and the time of its next beat.
    """
    serving: list[dict[str, Any]] | None = call.body.get("serving")
    hosts = [service["host"] for service in serving or []]
    member = call.host(call.body.get("host", hosts[0] if hosts else None))
    if serving is None:
        answered = call.services.members.beat(member)
        return Answer(
            [wire.assignment(assigned, False) for assigned in answered.peers]
        )
    answered = call.services.members.beat(
        member, [_serving(call, service) for service in serving]
    )
    tickets, initiator = call.services.tickets, call.body.get("initiator")
    answer: wire.JSON = {
        "beat_after": answered.beat_after,
        "peers": [
            wire.assignment(tickets.grant(assigned, initiator), True)
            for assigned in answered.peers
        ],
    }
    if "port" in call.body:
        answer["admission"] = wire.admission(
            tickets.admission(member, call.body["port"])
        )
    return Answer(answer)


def _serving(call: Call, service: dict[str, Any]) -> Serving:
    address = wire.address(service, call.host(service["host"]))
    return Serving(
        service["session_name"],
        service["peer_id"],
        address,
        wire.portals(service.get("failed", ())),
    )
