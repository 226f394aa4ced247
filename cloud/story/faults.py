# SPDX-License-Identifier: Apache-2.0
"""Bad input and failures: each launch fails with a reason, and leaves nothing.

What the user is told is kept as it is: Nova's fault, and Cinder's messages on
volumes, since Nova says of a volume only that it is in ``error``.  The log of
the service that knows has to have the cause in any case.  Afterwards the
instance is deleted, what was taken away is given back, and the nodes are
looked over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack.exceptions
from keystoneauth1 import exceptions as keystone

from cloud.errors import CloudError
from cloud.story import removal
from cloud.story.cases import CASES, Case
from cloud.story.stage import PATIENCE, Stage, fault
from cloud.waiting import pauses_of_an_api

# keystone's come through the library as they are.
_REFUSALS = (
    openstack.exceptions.HttpException,
    keystone.HttpError,
    # No answer in time.
    keystone.ConnectTimeout,
)


def causes(stage: Stage, image_id: str) -> dict[str, Any]:
    """Run all cases; return the messages of each.

    :raises CloudError: a cause was told nowhere, or something stayed.
    """
    outcomes = {}
    for case in CASES:
        outcomes[case.name] = outcome = _run(stage, case, image_id)
        stage.say(
            "; ".join(
                [f"{case.name}: {outcome['told']}", *outcome["messages"]]
            )
        )
    silent = [
        name
        for name, outcome in outcomes.items()
        if not (outcome["cause_told"] or outcome["cause_logged"])
    ]
    if silent:
        raise CloudError(f"the cause is told nowhere: {'; '.join(silent)}")
    return {"faults": outcomes, "faults_ok": True}


def _run(stage: Stage, case: Case, image_id: str) -> dict[str, Any]:
    """Return a case's messages to the user and in the logs; clean up."""
    ends = {file: file.stat().st_size for file in _logs(stage)}
    before = _messages(stage)
    with case.taken(stage):
        try:
            error = _fault_of(stage, case.asked(stage, image_id))
        except _REFUSALS as refusal:
            error = str(refusal)
    messages = _messages(stage)
    _clear(stage)
    return {
        "told": error,
        "messages": [messages[key] for key in messages.keys() - before],
        "cause_told": case.cause in error,
        "cause_logged": any(
            case.cause in file.read_text(errors="replace")[end:]
            for file, end in ends.items()
        ),
    }


def _logs(stage: Stage) -> Iterator[Path]:
    """Yield the logs of the services that report errors."""
    site = stage.machines.site
    yield stage.plan.log("nova-api")
    yield site.master.log("cinder-volume")
    for node in site.computes:
        yield node.log("nova-compute")


def _messages(stage: Stage) -> dict[str, str]:
    """Return Cinder's messages to the member of failed volumes, by id."""
    # The version that has messages at all is 3.3.
    answer = stage.member.block_storage.get("/messages", microversion="3.3")
    return {
        message["id"]: message["user_message"]
        for message in answer.json()["messages"]
    }


def _fault_of(stage: Stage, server: Any) -> str:
    """Wait until a server has failed; return Nova's words.

    :raises CloudError: it has not.
    """
    for _ in pauses_of_an_api(PATIENCE):
        now = stage.member.compute.get_server(server.id)
        if now.status == "ERROR":
            return fault(now)
        if now.status == "ACTIVE" and now.task_state is None:
            raise CloudError(f"{now.name} is ACTIVE, which was not to be")
    raise CloudError(f"{now.name} is {now.status} after {PATIENCE:.0f} s")


def _clear(stage: Stage) -> None:
    """Delete all servers and volumes; wait until they are gone."""
    there = stage.servers()
    for server in there:
        stage.member.compute.delete_server(server.id)
    for server in there:
        stage.wait_gone(server)
    removal.delete_volumes(stage)
    stage.machines.site.wait_idle_computes(timeout=PATIENCE)
