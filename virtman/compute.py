# SPDX-License-Identifier: Apache-2.0
"""The agent's face: the verbs of the tutorial, answering in its strings.

``0:`` did it, ``1:`` there was nothing to do, ``2:`` failed; what follows the
colon is the result or the reason.  Inside, results are typed and failures are
exceptions (:mod:`virtman.node.node`); here alone they become strings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

from virtman import names, path
from virtman.exception import (
    AlreadyExists,
    InvalidRequest,
    NotFound,
    VirtmanError,
)
from virtman.instance.request import (
    CowSource,
    DiskRequest,
    GivenDevice,
    OwnFile,
    Writes,
)
from virtman.node.node import Node
from virtman.quoting import quoted
from virtman.targets.imageservice import ImageService
from virtman.targets.store_targets import Store, StoreTargets

LOG = logging.getLogger(__name__)
P = ParamSpec("P")


def answering(prefix: str) -> Callable[[Callable[P, str]], Callable[P, str]]:
    """Turn what a verb raises into the contract's ``1:`` and ``2:``."""

    def wrap(verb: Callable[P, str]) -> Callable[P, str]:
        @wraps(verb)
        def answer(*args: P.args, **kwargs: P.kwargs) -> str:
            try:
                return f"0:{verb(*args, **kwargs)}"
            except (AlreadyExists, NotFound) as error:
                return f"1:{prefix}{error}"
            except VirtmanError as error:
                LOG.error("%s failed: %s", verb.__name__, error)
                return f"2:{prefix}{error}"
            except Exception:
                # A fault of the agent: the caller gets a sentence, the log
                # the traceback.
                LOG.exception("%s failed", verb.__name__)
                return f"2:{prefix}internal error, see the agent's log"

        return answer

    return wrap


class Virtman:
    """Instances and image targets of one node, as the tutorial calls them.

    :param openstack_compatible: as Nova needs it, which calls destroy and
        create at each hard reboot, stop, start and boot of the host: create
        answers the same as long as the request is the same, destroy keeps
        what the VM has written, and :meth:`purge` removes it.
    """

    def __init__(
        self,
        node: Node,
        images: ImageService,
        stores: StoreTargets,
        openstack_compatible: bool = False,
    ) -> None:
        self._node = node
        self._images = images
        self._stores = stores
        self._openstack = openstack_compatible

    @answering("Virtman: ")
    def create(
        self,
        instance_name: str,
        image_name: str,
        image_connections: Any,
        snapshot: Any = None,
        keep: bool | None = None,
    ) -> str:
        """Create an instance's disk; ``0:/dev/mapper/snapshot_<instance>``.

        :param image_connections: a dict with target_portal, target_iqn and
            target_lun, or a list or tuple of such dicts.
        :param snapshot: a block device for the writes, or None; or a volume
            to log in to for them, as a dict like a connection's.
        :param keep: whether the writes that are there are kept.
        """
        # Before the connections: a bad image name is in their target_iqn too,
        # and the name is what the caller has to change.
        names.check_key("instance", instance_name)
        names.image_id(image_name)
        taken = f"the instance_name '{instance_name}' already exists!"
        try:
            made = self._node.create(
                DiskRequest(
                    instance_name,
                    image_name,
                    tuple(path.from_connections(image_connections)),
                    _cow(snapshot),
                    self._writes(keep),
                )
            )
        except AlreadyExists as error:
            raise AlreadyExists(taken) from error
        if not made.created and not self._openstack:
            raise AlreadyExists(taken)
        return made.instance.path

    def _writes(self, keep: bool | None) -> Writes:
        if keep is None and not self._openstack:
            # The tutorial's call makes a new disk, whatever an earlier one
            # has left on the device; Nova's must lose nothing.
            return Writes.DISCARD
        return Writes.of(keep)

    @answering("Virtman: ")
    def destroy(self, instance_name: str) -> str:
        """Destroy an instance's disk and its data; ``0:``.

        For OpenStack the data stays, and what does not exist is fine.
        """
        if self._openstack:
            self._node.deactivate(instance_name)
        elif not self._node.destroy(instance_name):
            raise NotFound(
                f"the instance_name '{instance_name}' does not exist!"
            )
        return ""

    @answering("Virtman: ")
    def purge(self, instance_name: str) -> str:
        """Destroy an instance's disk and data, if there are any; ``0:``."""
        self._node.destroy(instance_name)
        return ""

    def list(self) -> list[str]:
        """Return ``<instance>:<image>`` for every instance.

        Behind a space ``full`` or ``invalid``, if its store is that: no name
        has a space in it.
        """
        broken = self._node.broken_stores()
        return [
            f"{item.name}:{item.image}"
            + (f" {broken[item.name].value}" if item.name in broken else "")
            for item in self._node.instances()
        ]

    # Quoted: inside this class ``list`` is the verb above.
    def list_inactive(self) -> list[str]:  # type: ignore[valid-type]
        """Return ``<instance>:<image>`` for every one without its disk.

        It was deactivated, and what it has written is here.
        """
        return [f"{item.name}:{item.image}" for item in self._node.inactive()]

    @answering("Virtman: Image Service: ")
    def create_image_target(
        self,
        image_name: str,
        file_path: str,
        loop_dev: str | None = None,
        iqn_prefix: str = names.DEFAULT_IQN_PREFIX,
    ) -> str:
        """Export a RAW file; ``0:<target id>:<loop device>``."""
        try:
            made = self._images.create(
                image_name, file_path, loop_dev, iqn_prefix
            )
        except AlreadyExists as error:
            raise AlreadyExists(
                f"Warning! {error}! Please use another name"
            ) from error
        except InvalidRequest as error:
            raise InvalidRequest(
                f"Warning! {error}! Please use another image file"
                if "file_path" in str(error)
                else str(error)
            ) from error
        return f"{made.tid}:{made.device}"

    @answering("Virtman: Image Service: ")
    def destroy_image_target(self, image_name: str) -> str:
        """Remove an image target; ``0:``."""
        try:
            self._images.destroy(image_name)
        except NotFound as error:
            raise NotFound(f"Warning! {error}!") from error
        return ""

    @answering("Virtman: ")
    def open_store(
        self, store: str, sectors: int, initiator: str, new: bool = False
    ) -> str:
        """Let a host write on a store; ``0:<portal> <iqn> <written>``.

        :param new: whether it is made if there is none.
        """
        made = self._stores.open(store, sectors, initiator, new)
        return f"{made.portal} {made.iqn} {_written(made)}"

    @answering("Virtman: ")
    def delete_store(self, store: str) -> str:
        """Remove a store and what was written on it, if any; ``0:``."""
        self._stores.delete(store)
        return ""

    def list_store(self) -> list[str]:  # type: ignore[valid-type]
        """Return ``<store> <initiator> <written>`` for every store."""
        return [
            f"{store.store} {store.initiator} {_written(store)}"
            for store in self._stores.all()
        ]

    @answering("Virtman: ")
    def store_room(self) -> str:
        """Return the room for stores; ``0:<total> <free> <provisioned>``.

        Bytes, and as text: XML-RPC's integers end at 2 GiB.
        """
        room = self._stores.room()
        return f"{room.total} {room.free} {room.provisioned}"

    def list_image_target(self) -> list[str]:  # type: ignore[valid-type]
        """Return ``<image>:<target id>:<loop device>`` for every target."""
        return [
            f"{item.image}:{item.tid}:{item.device}"
            for item in self._images.targets()
        ]


def _cow(snapshot: Any) -> CowSource:
    """Return where an instance's writes go, from the tutorial's argument."""
    if isinstance(snapshot, Mapping):
        return path.from_connection(snapshot)
    if snapshot is not None and not isinstance(snapshot, str):
        raise InvalidRequest(
            "snapshot must be the path of a block device on this node, or "
            f"a volume's connection, not {quoted(snapshot)}"
        )
    return GivenDevice(snapshot) if snapshot else OwnFile()


def _written(store: Store) -> str:
    return "written" if store.written else "new"
