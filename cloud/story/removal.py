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
    for one in there:
        stage.member.compute.delete_server(one.id)
    for one in there:
        stage.wait_gone(one)
    stage.say(f"{len(there)} servers are gone")
    wait_no_volume(stage)
    stage.machines.site.wait_idle_computes(timeout=PATIENCE)
    stage.say("no compute node holds a disk any more")
    return {"deleted_ok": True}


def delete_volumes(stage: Stage) -> None:
    """Delete the member's volumes that no server has, and see them go."""
    storage = stage.member.block_storage
    free = [one for one in storage.volumes() if not one.attachments]
    for one in free:
        # Nova deletes those of its own accord that it was told to.
        if one.status != "deleting":
            storage.delete_volume(one.id)
    wait_no_volume(stage, {one.id for one in free})


def wait_no_volume(stage: Stage, these: Collection[str] | None = None) -> None:
    """Wait until the member has no volume.

    :param these: of these ones; by default none at all.
    :raises CloudError: one stays.
    """
    told = ""
    for _ in pauses_of_an_api(PATIENCE):
        volumes = [
            one
            for one in stage.member.block_storage.volumes()
            if these is None or one.id in these
        ]
        if not volumes:
            return
        told = ", ".join(f"{one.id} {one.status}" for one in volumes)
    raise CloudError(f"volumes stay: {told}")


def leftovers(stage: Stage) -> dict[str, Any]:
    """Wait until the image is gone; stop all; count the leftovers."""
    images = stage.machines.images
    images.wait_until(
        lambda: (
            not [one for one in images.leftovers() if one["kind"] != "process"]
        ),
        timeout=PATIENCE,
        what="the image that nothing needs goes",
    )
    stage.machines.stop_computes()
    stage.machines.site.stop()
    left = stage.machines.site.cluster.leftovers()
    for one in left:
        stage.say(f"left: {one}")
    return {"leftovers": len(left)}
