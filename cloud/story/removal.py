# SPDX-License-Identifier: Apache-2.0
"""Deletes all servers and volumes as their user, then counts leftovers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cloud.errors import CloudError
from cloud.story.stage import PATIENCE, Stage
from cloud.waiting import pauses_of_an_api


def delete(stage: Stage) -> dict[str, Any]:
    """Delete all servers; their volumes go with them."""
    there = stage.servers()
    for server in there:
        stage.member.compute.delete_server(server.id)
    for server in there:
        stage.wait_gone(server)
    stage.say(f"{len(there)} servers are gone")
    wait_no_volume(stage)
    stage.machines.site.wait_idle_computes(timeout=PATIENCE)
    stage.say("no compute node holds a disk any more")
    return {"deleted_ok": True}


def delete_volumes(stage: Stage) -> None:
    """Delete the member's volumes that no server has, and see them go."""
    storage = stage.member.block_storage
    free = [volume for volume in storage.volumes() if not volume.attachments]
    for volume in free:
        # Nova deletes those of its own accord that it was told to.
        if volume.status != "deleting":
            storage.delete_volume(volume.id)
    wait_no_volume(stage, {volume.id for volume in free})


def wait_no_volume(stage: Stage, these: Collection[str] | None = None) -> None:
    """Wait until the member has no volume.

    :param these: of these ones; by default none at all.
    :raises CloudError: a volume stays.
    """
    states = ""
    for _ in pauses_of_an_api(PATIENCE):
        volumes = [
            volume
            for volume in stage.member.block_storage.volumes()
            if these is None or volume.id in these
        ]
        if not volumes:
            return
        states = ", ".join(
            f"{volume.id} {volume.status}" for volume in volumes
        )
    raise CloudError(f"volumes stay: {states}")


def leftovers(stage: Stage) -> dict[str, Any]:
    """Wait until the image is gone; stop all; count the leftovers."""
    images = stage.machines.images
    images.wait_until(
        lambda: (
            not [
                resource
                for resource in images.leftovers()
                if resource["kind"] != "process"
            ]
        ),
        timeout=PATIENCE,
        goal="the image that nothing needs goes",
    )
    stage.machines.stop_computes()
    stage.machines.site.stop()
    left = stage.machines.site.cluster.leftovers()
    for resource in left:
        stage.say(f"left: {resource}")
    return {"leftovers": len(left)}
