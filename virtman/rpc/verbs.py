# SPDX-License-Identifier: Apache-2.0
"""The typed verbs behind the doors for programs: local.py, messaging.

A verb takes an object of named arguments, checked against its schema
(:mod:`virtman.rpc.verb_schemas`), and answers with a JSON value.  Its
exceptions have codes that both doors send to the caller, with the message.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from virtman import names, path
from virtman.exception import (
    AlreadyExists,
    InUse,
    InvalidRequest,
    NoSource,
    NoSpace,
    NotFound,
    VirtmanError,
    WrongIdentity,
)
from virtman.image.image import Image
from virtman.instance.cow_usage import State
from virtman.instance.request import (
    CowSource,
    DiskRequest,
    GivenDevice,
    OwnFile,
    Writes,
)
from virtman.node.node import Node
from virtman.rpc import verb_schemas
from virtman.targets.imageservice import ImageService
from virtman.targets.store_targets import StoreTargets

LOG = logging.getLogger(__name__)
JSON = dict[str, Any]

FAILED, INTERNAL = "failed", "internal"
CODES: Mapping[type[VirtmanError], str] = {
    AlreadyExists: "already_exists",
    NotFound: "not_found",
    InvalidRequest: "invalid_request",
    InUse: "in_use",
    NoSpace: "no_space",
    NoSource: "no_source",
    WrongIdentity: "wrong_identity",
}


class Failure(Exception):
    """A verb that failed: the code and the sentence that the caller gets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def answer(self) -> JSON:
        """The answer with which the caller gets the failure."""
        return {"error": {"code": self.code, "message": self.message}}


class Verbs:
    """The verbs for programs on this host, and for Nova through a broker."""

    def __init__(
        self, node: Node, images: ImageService, stores: StoreTargets
    ) -> None:
        self._node = node
        self._service = images
        self._store_targets = stores

    def call(self, verb: str, arguments: Any) -> Any:
        """Run a verb and return its answer.

        :raises Failure: the verb failed, for any reason.
        """
        try:
            verb_schemas.check(verb, arguments)
            return getattr(self, f"_{verb}")(**arguments)
        except VirtmanError as error:
            code = CODES.get(type(error), FAILED)
            LOG.error("%s failed: %s", verb, error)
            raise Failure(code, str(error)) from error
        except Exception as error:
            LOG.exception("%s failed", verb)
            message = "internal error, see the agent's log"
            raise Failure(INTERNAL, message) from error

    def _create(
        self,
        instance: str,
        image: str,
        connections: Sequence[JSON] = (),
        store: str | JSON | None = None,
        keep: bool | None = None,
    ) -> JSON:
        # Before the connections, whose target_iqn has the image's name in it.
        names.check_key("instance", instance)
        names.image_id(image)
        sources = path.from_connections(connections) if connections else []
        made = self._node.create(
            DiskRequest(
                instance, image, tuple(sources), _cow(store), Writes.of(keep)
            )
        )
        return {"path": made.instance.path, "created": made.created}

    def _deactivate(self, instance: str) -> JSON:
        return {"changed": self._node.deactivate(instance)}

    def _destroy(self, instance: str) -> JSON:
        return {"changed": self._node.destroy(instance)}

    def _instances(self) -> list[JSON]:
        broken = self._node.broken_stores()
        active = [
            {
                "name": item.name,
                "image": item.image,
                "path": item.path,
                "store": broken.get(item.name, State.FINE).value or "fine",
            }
            for item in self._node.instances()
        ]
        inactive = [
            {
                "name": item.name,
                "image": item.image,
                "path": None,
                "store": None,
            }
            for item in self._node.inactive()
        ]
        return sorted([*active, *inactive], key=lambda item: str(item["name"]))

    def _images(self) -> list[JSON]:
        images = sorted(self._node.images(), key=lambda image: image.name)
        return [_image(image) for image in images if image.deployed]

    def _create_target(
        self,
        image: str,
        file: str,
        loop: str | None = None,
        iqn_prefix: str = names.DEFAULT_IQN_PREFIX,
    ) -> JSON:
        return asdict(self._service.create(image, file, loop, iqn_prefix))

    def _delete_target(self, image: str) -> JSON:
        self._service.destroy(image)
        return {"changed": True}

    def _targets(self) -> list[JSON]:
        return [asdict(target) for target in self._service.targets()]

    def _open_store(
        self, store: str, sectors: int, initiator: str, new: bool = False
    ) -> JSON:
        return asdict(self._store_targets.open(store, sectors, initiator, new))

    def _delete_store(self, store: str) -> JSON:
        return {"changed": self._store_targets.delete(store)}

    def _stores(self) -> list[JSON]:
        return [asdict(store) for store in self._store_targets.all()]

    def _room(self) -> JSON:
        return asdict(self._store_targets.room())

    def _working(self) -> JSON:
        return {"version": importlib.metadata.version("vmthunder")}


def _cow(store: str | JSON | None) -> CowSource:
    """Return where an instance's writes go, from the argument of the verb."""
    if isinstance(store, dict):
        return path.from_connection(store)
    return GivenDevice(store) if store is not None else OwnFile()


def _image(image: Image) -> JSON:
    """Return a deployed image as JSON: its facts, its sources, its peer."""
    report = image.report()
    facts, peer = report.facts, report.peer
    return {
        "name": image.name,
        "sectors": facts.sectors if facts else None,
        "serial": facts.serial if facts else None,
        "reads_from": list(report.portals),
        "failed": list(report.failed),
        "peer_id": peer.peer_id if peer else None,
    }
