# SPDX-License-Identifier: Apache-2.0
"""Handlers of images; the original API has no such routes."""

from __future__ import annotations

from volt.api.call import Answer, Call
from volt.api.handlers import wire
from volt.model import Image


def list_images(call: Call) -> Answer:
    """List the images with their sources."""
    return Answer([wire.image(image) for image in call.services.images.all()])


def show_image(call: Call) -> Answer:
    """Show one image with its sources."""
    return Answer(wire.image(call.services.images.get(call.path["image_id"])))


def put_image(call: Call) -> Answer:
    """Register an image server as a source of the image."""
    body = call.body
    image = Image(
        id=call.path["image_id"],
        size=int(body["size"]),
        generation=body["generation"],
        serial=body["serial"],
        digest=body.get("digest"),
        sources=(wire.address(body, body["host"]),),
    )
    answer = wire.image(call.services.images.put(image))
    if "initiator" in body:
        answer["admission"] = wire.admission(
            call.services.tickets.admission(
                call.host(body["host"]), body["port"]
            )
        )
    return Answer(answer)


def delete_image(call: Call) -> Answer:
    """Withdraw one source; the image goes with its last one."""
    call.services.images.withdraw(call.path["image_id"], **call.query)
    return Answer()
