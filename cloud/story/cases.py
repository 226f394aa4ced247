# SPDX-License-Identifier: Apache-2.0
"""The failures that are made on purpose: parts taken away, bad requests.

Each case gives back what it took, whatever happened.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import openstack.exceptions

from cloud.control_plane import catalog
from cloud.nodes import conf
from cloud.story.stage import Stage
from lab import services

Taken = Callable[[Stage], contextlib.AbstractContextManager[None]]
Asked = Callable[[Stage, str], Any]
# Seconds that a user waits for an API that waits for its broker.
_IMPATIENCE = 60.0


@dataclasses.dataclass(frozen=True)
class Case:
    """One failure: its name, its making, and the cause to be told.

    :param cause: words that name it.
    :param taken: takes something away for the time of the case.
    :param asked: asks for a server, and returns it.
    """

    name: str
    cause: str
    taken: Taken
    asked: Asked


@contextlib.contextmanager
def _nothing(_: Stage) -> Iterator[None]:
    yield


@contextlib.contextmanager
def _agents(stage: Stage) -> Iterator[None]:
    """Stop the agent of a compute node for a while."""
    site = stage.machines.site
    for node in site.computes:
        site.stop_agent(node)
    try:
        yield
    finally:
        for node in site.computes:
            site.start_agent(node)


@contextlib.contextmanager
def _image_server(stage: Stage) -> Iterator[None]:
    """Stop the agent of the image server for a while."""
    site = stage.machines.site
    site.stop_agent(site.master)
    try:
        yield
    finally:
        site.start_agent(site.master)


@contextlib.contextmanager
def _volt(stage: Stage) -> Iterator[None]:
    site = stage.machines.site
    site.stop_volt()
    try:
        yield
    finally:
        site.start_volt()


@contextlib.contextmanager
def _broker(stage: Stage) -> Iterator[None]:
    """Stop RabbitMQ for a while; then wait until all services are back."""
    stage.control_plane.stop_one("rabbitmq")
    try:
        yield
    finally:
        stage.control_plane.restart_broker()
        stage.machines.wait_reported()


def _launch(stage: Stage, image_id: str) -> Any:
    return stage.launch("fault", image_id)


def _other_format(stage: Stage, _: str) -> Any:
    """Ask for a server from an image that is not in a disk's format."""
    image = stage.member.create_image(
        "paper",
        data=b"no disk" * 100,
        disk_format="ari",
        container_format="bare",
        wait=True,
    )
    return stage.launch("fault", image.id)


def _too_large(stage: Stage, _: str) -> Any:
    """Ask for a server from an image that its disk does not hold."""
    image = stage.member.create_image(
        "large",
        data=bytes(1 << 20),
        disk_format="raw",
        container_format="bare",
        min_disk=2,
        wait=True,
    )
    return stage.launch("fault", image.id)


def _encrypted(stage: Stage, image_id: str) -> Any:
    """Ask for a disk of a type that is to be encrypted."""
    admin = stage.admin.block_storage
    kind = admin.find_type("encrypted") or admin.create_type(
        name="encrypted", extra_specs={"volume_backend_name": "virtman"}
    )
    with contextlib.suppress(openstack.exceptions.HttpException):
        admin.create_type_encryption(
            kind,
            provider="luks",
            cipher="aes-xts-plain64",
            key_size=256,
            control_location="front-end",
        )
    return stage.launch("fault", image_id, "encrypted")


def _stranger(stage: Stage, image_id: str) -> Any:
    """Ask with the password of another user."""
    wrong = stage.plan.password("admin")
    stranger = catalog.client(stage.plan, catalog.USER, wrong)
    return stranger.compute.create_server(
        name="fault", image_id=image_id, flavor_id="1", networks="none"
    )


def _hurried(stage: Stage, image_id: str) -> Any:
    """Launch a server and wait for it a short time only."""
    hurried = dataclasses.replace(stage, timeout=_IMPATIENCE)
    return hurried.launch("fault", image_id)


def _without_store(stage: Stage, image_id: str) -> Any:
    """Boot a server whose writes the image server has lost."""
    server = stage.launch("fault", image_id)
    stage.wait_status(server, "ACTIVE")
    volume = stage.volume_of(server)
    stage.member.compute.stop_server(server.id)
    stage.wait_status(server, "SHUTOFF")
    site = stage.machines.site
    site.stop_agent(site.master)
    services.kill_target(site.master)
    site.master.run(["rm", f"{conf.STORES}/{volume}.cow"])
    services.start_target(site.master)
    site.start_agent(site.master)
    stage.member.compute.reboot_server(server.id, "HARD")
    return server


_AWAY = "is virtman-server running"

CASES = (
    Case("a wrong password", "requires authentication", _nothing, _stranger),
    Case(
        "an image of no disk's format", "not of ari", _nothing, _other_format
    ),
    Case(
        "an image larger than the disk", "minimum size", _nothing, _too_large
    ),
    # Without a key manager it is refused before a driver is asked.
    Case("an encrypted volume", "Key manager error", _nothing, _encrypted),
    Case("the agent of the hosts is away", _AWAY, _agents, _launch),
    Case("volt is away", ":7447 does not answer", _volt, _launch),
    Case("the image server's agent is away", _AWAY, _image_server, _launch),
    Case("a volume's store is gone", "file is gone", _nothing, _without_store),
    Case("the broker is away", ":5672 is unreachable", _broker, _hurried),
)
