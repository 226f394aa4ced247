# SPDX-License-Identifier: Apache-2.0
"""Bad input and failures: each launch fails with a reason, and leaves nothing.

A case takes something away, or asks for what cannot be had.  What the user is
told is kept as it is; where Nova has a fault of its own for all that may have
happened (a volume in ``error``, no host left to try), what it was has to be in
the log of the service that knows.  Afterwards the instance is deleted, what
was taken away is given back, and the nodes are looked over.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack.exceptions
from keystoneauth1 import exceptions as keystone

from cloud.errors import CloudError
from cloud.plane import catalog
from cloud.story import removal
from cloud.story.stage import PATIENCE, Stage, fault
from cloud.waiting import pauses_of_an_api

# keystone's come through the library as they are.
_REFUSALS = (openstack.exceptions.HttpException, keystone.HttpError)
Taken = Callable[[Stage], contextlib.AbstractContextManager[None]]
Asked = Callable[[Stage, str], Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """One failure.

    :param cause: words that name it.
    :param taken: takes something away for the time of the case.
    :param asked: asks for a server.
    """

    name: str
    cause: str
    taken: Taken
    asked: Asked


def told(stage: Stage, image_id: str) -> dict[str, Any]:
    """Go through all cases; return what was said in each.

    :raises CloudError: a cause was told nowhere, or something stayed.
    """
    found: dict[str, Any] = {}
    for case in CASES:
        said, logged = _one(stage, case, image_id)
        found[case.name] = {
            "told": said,
            "cause_told": case.cause in said,
            "cause_logged": case.cause in logged,
        }
        stage.say(f"{case.name}: {said}")
    silent = [
        name
        for name, one in found.items()
        if not (one["cause_told"] or one["cause_logged"])
    ]
    if silent:
        raise CloudError(f"the cause is told nowhere: {'; '.join(silent)}")
    return {"faults": found, "faults_ok": True}


def _one(stage: Stage, case: Case, image_id: str) -> tuple[str, str]:
    """Return what the user was told, and what was logged; leave nothing."""
    ends = {file: file.stat().st_size for file in _logs(stage)}
    with case.taken(stage):
        try:
            server = case.asked(stage, image_id)
        except _REFUSALS as refusal:
            said = str(refusal)
        else:
            said = _fault_of(stage, server)
    _clear(stage)
    return said, "".join(
        file.read_text(errors="replace")[end:] for file, end in ends.items()
    )


def _logs(stage: Stage) -> Iterator[Path]:
    """Yield the logs of Nova's and Cinder's services in the nodes."""
    site = stage.machines.site
    yield site.master.log("cinder-volume")
    for node in site.computes:
        yield node.log("nova-compute")


def _fault_of(stage: Stage, server: Any) -> str:
    for _ in pauses_of_an_api(PATIENCE):
        now = stage.member.compute.get_server(server.id)
        if now.status == "ERROR":
            return fault(now)
        if now.status == "ACTIVE":
            return "it is ACTIVE"
    return f"it is {now.status} after {PATIENCE:.0f} s"


def _clear(stage: Stage) -> None:
    """Delete what there is of servers and volumes; see that all went."""
    there = stage.servers()
    for one in there:
        stage.member.compute.delete_server(one.id)
    for one in there:
        stage.wait_gone(one)
    removal.delete_volumes(stage)
    stage.machines.site.wait_idle_computes(timeout=PATIENCE)


@contextlib.contextmanager
def _nothing(_: Stage) -> Iterator[None]:
    yield


@contextlib.contextmanager
def _agents(stage: Stage) -> Iterator[None]:
    """Have no agent on a compute node."""
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
    """Have no agent where images are served."""
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


def _launch(stage: Stage, image_id: str) -> Any:
    return stage.launch("fault", image_id)


def _other_format(stage: Stage, _: str) -> Any:
    """Ask for a server from an image of a format that is no disk."""
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
    """Ask with another's password."""
    wrong = stage.plan.password("admin")
    stranger = catalog.client(stage.plan, catalog.USER, wrong)
    return stranger.compute.create_server(
        name="fault", image_id=image_id, flavor_id="1", networks="none"
    )


_AWAY = "is virtman-server running"

CASES = (
    Case("a wrong password", "requires authentication", _nothing, _stranger),
    Case("an image of no disk's format", "format", _nothing, _other_format),
    Case("an image larger than the disk", "size", _nothing, _too_large),
    # Without a key manager it is refused before a driver is asked.
    Case("an encrypted volume", "Key manager", _nothing, _encrypted),
    Case("the agent of the hosts is away", _AWAY, _agents, _launch),
    Case("volt is away", "volt", _volt, _launch),
    Case("the image server's agent is away", _AWAY, _image_server, _launch),
)
