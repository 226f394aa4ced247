# SPDX-License-Identifier: Apache-2.0
"""Nova's changes to servers: reboot, stop, start, a host's boot.

And a host that does not come back: its servers go on elsewhere.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import openstack.exceptions

from cloud.errors import CloudError
from cloud.story import launch
from cloud.story.stage import PATIENCE, Stage
from cloud.waiting import pauses_of_an_api
from demo import probe
from lab.node import Node

_REQUEST = 120.0
_UNUSED_MIB = launch.IMAGE_MIB + 512
"""Into a volume of 1 GiB: the image ends before."""


def reboot(stage: Stage) -> dict[str, Any]:
    """Reboot a server hard; stop and start another; their disks stay."""
    first, second, *_ = stage.servers()
    stage.member.compute.reboot_server(first.id, "HARD")
    _begun(stage, first)
    first = stage.wait_status(first, "ACTIVE")
    stage.say(f"{first.name} was rebooted hard")
    stage.member.compute.stop_server(second.id)
    stage.wait_status(second, "SHUTOFF")
    stage.member.compute.start_server(second.id)
    second = stage.wait_status(second, "ACTIVE")
    stage.say(f"{second.name} was stopped and started")
    held = [
        launch.on_snapshot(stage, server, stage.node_of(server))
        for server in (first, second)
    ]
    return {"reboot_ok": all(held)}


def power_cut(stage: Stage) -> dict[str, Any]:
    """Cut a node's power; its servers run again when it is back."""
    node = stage.node_of(stage.servers()[0])
    there = [
        server for server in stage.servers() if stage.node_of(server) is node
    ]
    if not there:
        raise CloudError(f"no server is on {node.name}")
    stage.machines.power_cut(node)
    stage.say(f"{node.name} has no power; {len(there)} servers were on it")
    stage.machines.revive(node)
    stage.say(f"{node.name} is back, nova-compute runs")
    _wait_running(stage, node, there)
    held = [launch.on_snapshot(stage, server, node) for server in there]
    return {"power_cut_ok": all(held), "power_cut_servers": len(there)}


def evacuate(stage: Stage) -> dict[str, Any]:
    """Evacuate a server whose node has lost its power.

    When the node is back it has nothing of that server, and runs the others.
    """
    server = stage.servers()[-1]
    node = stage.node_of(server)
    left = [
        other
        for other in stage.servers()
        if other.id != server.id and stage.node_of(other) is node
    ]
    volume = stage.volume_of(server)
    disk = f"/dev/mapper/snapshot_{volume}"
    # Behind what the guest knows of its disk.
    probe.write(node, disk, skip=_UNUSED_MIB, count=1)
    written = probe.digest(node, disk, skip=_UNUSED_MIB, count=1)
    stage.machines.power_cut(node)
    _forced(stage, node, down=True)
    stage.say(f"{node.name} has no power; {server.name} was on it")
    stage.machines.wait_forgotten(node)
    stage.admin.compute.evacuate_server(server.id)
    for _ in pauses_of_an_api(PATIENCE):
        if stage.node_of(server) is not node:
            break
    server = stage.wait_status(server, "ACTIVE")
    other = stage.node_of(server)
    stage.say(f"{server.name} is on {other.name}")
    held = other is not node and launch.on_snapshot(stage, server, other)
    kept = probe.digest(other, disk, skip=_UNUSED_MIB, count=1) == written
    stage.say(f"what was written on its disk is {'there' if kept else 'GONE'}")
    stage.machines.revive(node)
    _wait_trusted(stage, node)
    node.wait_until(
        ["sh", "-c", f"! dmsetup info snapshot_{volume}"],
        timeout=PATIENCE,
        goal=f"{node.name} has nothing of {server.name}",
    )
    _wait_running(stage, node, left)
    return {"evacuate_ok": held and kept}


def _forced(stage: Stage, node: Node, *, down: bool) -> None:
    """Set or clear Nova's mark that a host is forced down."""
    compute = stage.admin.compute
    (service,) = compute.services(binary="nova-compute", host=node.name)
    compute.update_service_forced_down(service, forced=down)


def _wait_trusted(stage: Stage, node: Node) -> None:
    """Wait until Nova uses a host again that was off.

    :raises CloudError: its nova-compute has not cleaned up in time, before
        which Nova refuses.
    """
    for _ in pauses_of_an_api(PATIENCE):
        with contextlib.suppress(openstack.exceptions.BadRequestException):
            return _forced(stage, node, down=False)
    raise CloudError(f"Nova does not take {node.name} back")


def _wait_running(stage: Stage, node: Node, servers: list[Any]) -> None:
    """Wait until servers run on a node, and Nova lists them as running."""
    for server in servers:
        node.wait_until(
            functools.partial(_runs, node, server),
            timeout=PATIENCE,
            goal=f"{server.name} runs again",
        )
        stage.say(f"{server.name} runs again")
    for server in servers:
        stage.wait_status(server, "ACTIVE")


def _runs(node: Node, server: Any) -> bool:
    answer = node.run(
        ["virsh", "domstate", server.id], timeout=PATIENCE, check=False
    )
    return answer.stdout.strip() == "running"


def _begun(stage: Stage, server: Any) -> None:
    """Wait until Nova works on a request; before that ACTIVE is the old."""
    for _ in pauses_of_an_api(_REQUEST):
        now = stage.member.compute.get_server(server.id)
        if now.task_state is not None or now.status != "ACTIVE":
            return
    raise CloudError(f"{server.name}: Nova did not take the request up")
