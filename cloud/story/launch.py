# SPDX-License-Identifier: Apache-2.0
"""Four servers from one image, on two nodes, at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cloud.control_plane import catalog
from cloud.errors import CloudError
from cloud.nodes import conf
from cloud.story.stage import PATIENCE, Stage
from cloud.waiting import pauses_of_an_api
from demo import image as disk_image
from demo import probe
from demo.guest_vm import MARKER
from demo.site import side_by_side
from lab.node import Node

SERVERS = 4
IMAGE_MIB = 256
EXPORTED = 1 << 30
"""Bytes of what the tree serves: the image on a volume of 1 GiB."""
MOST_IMAGES = 2.1
_SOURCE = re.compile(r"<source dev=['\"]([^'\"]+)['\"]")


def upload(stage: Stage, folder: Path) -> Any:
    """Make an image and upload it to Glance as public; return the image."""
    made = disk_image.build(
        folder / "disk.img", size_mib=IMAGE_MIB, progress=stage.say
    )
    return stage.admin.create_image(
        catalog.IMAGE,
        filename=str(made.path),
        disk_format="raw",
        container_format="bare",
        visibility="public",
        wait=True,
        timeout=PATIENCE,
    )


def servers(stage: Stage, image_id: str) -> dict[str, Any]:
    """Launch servers; check their disks and the bytes sent for them."""
    before = stage.machines.images.sent_bytes()
    # One request: of four, each would be placed by what the hosts had then.
    stage.launch("vm", image_id, count=SERVERS)
    active = [
        stage.wait_status(server, "ACTIVE") for server in stage.servers()
    ]
    stage.say("all are ACTIVE")
    nodes = {server.name: stage.node_of(server) for server in active}
    for name, node in nodes.items():
        stage.say(f"{name} is on {node.name}")
    sources = [
        on_snapshot(stage, server, nodes[server.name]) for server in active
    ]
    booted = marker(stage, active[0])
    same = read_whole(stage, image_id)
    sent = stage.machines.images.sent_bytes() - before
    return {
        "servers": len(active),
        "hosts": len({node.name for node in nodes.values()}),
        "all_active": len(active) == SERVERS,
        "sources_on_snapshot": all(sources),
        "root_sent_bytes": sent,
        "root_sent_images": round(sent / EXPORTED, 3),
        "console_marker": booted,
        "digests_ok": same,
    }


def on_snapshot(stage: Stage, server: Any, node: Node) -> bool:
    """Tell whether the domain's only disk is the dm-snapshot of its volume."""
    volume = stage.volume_of(server)
    xml = node.run(["virsh", "dumpxml", server.id], timeout=PATIENCE).stdout
    disks = _SOURCE.findall(xml)
    wanted = f"/dev/mapper/snapshot_{volume}"
    table = node.run(["dmsetup", "table", f"snapshot_{volume}"]).stdout
    if disks == [wanted] and table.split()[2] == "snapshot":
        stage.say(f"{server.name}: <source dev='{wanted}'/>")
        return True
    stage.say(f"{server.name}: {disks}, {table.strip()}")
    return False


def read_whole(stage: Stage, image_id: str) -> bool:
    """Read the whole image on both nodes; tell whether it is the server's.

    So the server has sent it all, and what it sent can be counted in images.
    """
    name = f"{image_id}-1"
    digests: dict[str, str] = {}

    def read(node: Node) -> None:
        device = f"/dev/mapper/cached_volume-{name}"
        digests[node.name] = probe.digest(node, device, timeout=PATIENCE)
        stage.say(f"{node.name} has read all of the image")

    side_by_side(read, stage.machines.computes)
    file = f"{conf.IMAGES}/{name}.raw"
    served = probe.digest(stage.machines.images, file, timeout=PATIENCE)
    return {*digests.values()} == {served}


def marker(stage: Stage, server: Any) -> bool:
    """Wait until a server's console has the line that it is up."""
    text = ""
    for _ in pauses_of_an_api(PATIENCE):
        answer = stage.member.compute.get_server_console_output(server.id)
        text = answer["output"] or ""
        if MARKER in text:
            stage.say(f"{server.name}: {MARKER} on its console")
            return True
    raise CloudError(f"no {MARKER} on {server.name}'s console:\n{text[-800:]}")
