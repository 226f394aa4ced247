# SPDX-License-Identifier: Apache-2.0
"""An image on this node and the instances that stand on it.

One lock an image: creates of one image deploy it once, creates of different
images do not wait for each other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from virtman import snapshot
from virtman.baseimage import BaseImage
from virtman.coordinator import Assignment
from virtman.exception import InUse, VirtmanError
from virtman.path import Source
from virtman.snapshot import Instance, Snapshots

LOG = logging.getLogger(__name__)


class Image:
    """The verbs on one image, each under its lock."""

    def __init__(self, base: BaseImage, snapshots: Snapshots) -> None:
        self.base = base
        self._snapshots = snapshots
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The image's key, with its ``volume-`` prefix."""
        return self.base.image

    def create(
        self, name: str, connections: Sequence[Source], device: str | None
    ) -> Instance:
        """Deploy the image if it is not, and put an instance on it.

        A failure takes away again what this very call has built.
        """
        self._snapshots.check(device)
        with self._lock:
            built = self.base.deploy(connections)
            try:
                return self._snapshots.create(name, self.name, device)
            except Exception:
                if built:
                    self._take_back()
                raise

    def _take_back(self) -> None:
        try:
            self.base.undeploy()
        except VirtmanError as error:
            LOG.warning(
                "%s stays until a heartbeat can remove it: %s",
                self.name, error,
            )  # fmt: skip

    def destroy(self, instance: Instance) -> None:
        """Remove an instance and its data; the image stays for the next."""
        with self._lock:
            self._snapshots.purge(instance)

    def follow(self, assignments: Mapping[str, Assignment]) -> None:
        """Read from the parents that volt names; take a place if none yet.

        New parents are not kept waiting by a create that is at work; a place
        is left to the next heartbeat then.
        """
        seat = self.base.seat
        answer = assignments.get(seat.peer_id or "") if seat else None
        if answer is not None:
            self.base.reassign(answer)
        elif seat and not seat.peer_id and self._lock.acquire(blocking=False):
            try:
                self.base.take_place()
            finally:
                self._lock.release()

    def remove_if_idle(self) -> bool:
        """Take the image away unless it serves somebody; return whether.

        Children are told by volt to read elsewhere; until the last has left
        the stack stays as it is.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if any(item.image == self.name for item in snapshot.instances()):
                return False
            return self.base.undeploy()
        except InUse as error:
            LOG.info("%s is kept for now: %s", self.name, error)
            return False
        finally:
            self._lock.release()
