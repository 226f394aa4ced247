# SPDX-License-Identifier: Apache-2.0
"""An image on this node and the instances that stand on it.

One lock an image: creates of one image deploy it once, creates of different
images do not wait for each other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from virtman.exception import InUse, VirtmanError, WrongIdentity
from virtman.image.baseimage import BaseImage
from virtman.image.orphan import OrphanedStack
from virtman.image.services import Services
from virtman.instance import snapshot
from virtman.instance.blockservice import BlockService
from virtman.instance.remote_store import RemoteStores
from virtman.instance.snapshot import Instance, Snapshots
from virtman.model import Assignment
from virtman.path import Source
from virtman.state.intents import ImageIntent, InstanceIntent

LOG = logging.getLogger(__name__)


class Image:
    """The verbs on one image, each under its lock.

    ``last_used`` is when its last instance went, by the monotonic clock.
    """

    def __init__(self, image: str, services: Services) -> None:
        self.name = image
        self.base = BaseImage(image, services)
        settings = services.settings
        self._snapshots = Snapshots(
            BlockService(settings),
            settings.snapshot_chunk,
            RemoteStores(services.sessions),
        )
        self._stores = RemoteStores(services.sessions)
        self._orphan = OrphanedStack(image, services)
        self._intents = services.intents
        self._lock = threading.Lock()
        self.last_used = time.monotonic()

    def create(
        self,
        name: str,
        connections: Sequence[Source],
        device: str | None,
        keep: bool | None = None,
        remote: Source | None = None,
    ) -> Instance:
        """Deploy the image if it is not, and put an instance on it.

        A failure takes away again what this very call has built, and never
        what was written before.

        :param keep: see :meth:`virtman.node.node.Node.create`.
        :param remote: a volume to log in to for the writes.
        """
        if remote is None:
            intent = self._snapshots.intend(
                name, self.name, connections, device, keep
            )
        else:
            known = self._intents.all(InstanceIntent)
            self._stores.require_free(remote, known)
            intent = self._snapshots.intend_remote(
                name, self.name, connections, remote, keep
            )
        return (
            self._create(intent)
            if intent.fresh
            else self._attach_existing(intent)
        )

    def destroy(self, intent: InstanceIntent) -> None:
        """Remove an instance and its data; the image stays for the next.

        :raises InUse: the VM still runs; the instance stays as it is.
        """
        with self._lock:
            self.last_used = time.monotonic()
            self._intents.put(replace(intent, leaving=True))
            try:
                self._snapshots.purge(intent)
            except InUse:
                self._intents.put(replace(intent, leaving=False))
                raise
            self._intents.remove(intent)

    def deactivate(self, intent: InstanceIntent) -> None:
        """Take an instance's disk away and keep what the VM has written.

        :raises InUse: the VM still runs; the disk stays.
        """
        with self._lock:
            self.last_used = time.monotonic()
            self._intents.put(replace(intent, active=False))
            try:
                self._snapshots.deactivate(intent)
            except InUse:
                self._intents.put(replace(intent, active=True))
                raise

    def activate(self, intent: InstanceIntent) -> None:
        """Put an instance that was deactivated on its image again.

        A failure leaves it deactivated.

        :raises WrongIdentity: the image is not the one that was written on.
        """
        self._intents.put(replace(intent, active=True))
        try:
            self._restore(intent)
        except Exception:
            self._intents.put(replace(intent, active=False))
            raise

    def describe(self, instance: Instance) -> InstanceIntent:
        """Return the intent of an instance, be it written down or not."""
        known = self._intents.get(InstanceIntent, instance.name)
        return known or self._snapshots.describe(instance, self.base.facts)

    def settle(self, intent: InstanceIntent) -> None:
        """Put in order an instance that an agent before this one left.

        What was to go goes; what was being made is made anew, for nobody has
        been told of it; what was whole is whole again, and what was to be
        without a device is.
        """
        if intent.leaving:
            self.destroy(intent)
        elif not intent.active:
            self.deactivate(intent)
        elif not intent.fresh:
            self._restore(intent)
        elif self.base.facts and snapshot.find(intent.name) is not None:
            self._mark_persistent(intent)
        else:
            self._snapshots.purge(intent)
            self._create(intent)

    def recover(self) -> None:
        """Take up, or take away, what an agent before this one left of it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            intent = self._intents.get(ImageIntent, self.name)
            if intent is None or self.base.deployed:
                return
            if not self._is_wanted() and not self._orphan.children:
                self._orphan.clear()
            elif intent.facts is not None:
                self.base.restore(intent)
        finally:
            self._lock.release()

    def adopt(self, instance: Instance) -> bool:
        """Give an instance that stands without an intent one; say whether.

        Its disk may be in use, so it is never taken away for that.
        """
        with self._lock:
            known = self._intents.get(ImageIntent, self.name)
            base = known or self._orphan.describe()
            if base is None or base.facts is None:
                return False
            self._intents.put(base)
            made = self._snapshots.describe(instance, base.facts)
            self._intents.put(replace(made, connections=base.connections))
            return True

    def clear(self) -> None:
        """Remove what stands of an image that nothing is known of."""
        with self._lock:
            if not self._is_wanted() and not self.base.deployed:
                self._orphan.clear()

    def _create(self, intent: InstanceIntent) -> Instance:
        with self._lock:
            self._intents.put(intent)
            try:
                made = self._build(intent)
            except Exception:
                self._roll_back_instance(intent)
                raise
            self._mark_persistent(intent)
            return made

    def _attach_existing(self, intent: InstanceIntent) -> Instance:
        """Put an instance on a store that has been written elsewhere."""
        self._intents.put(intent)
        try:
            return self._restore(intent)
        except Exception:
            self._detach(intent)
            raise

    def _detach(self, intent: InstanceIntent) -> None:
        """Forget an instance that could not be taken up; leave its store.

        What is attached still is let go by a later try (:meth:`settle`).
        """
        self._intents.put(replace(intent, active=False))
        try:
            self._snapshots.deactivate(intent)
        except VirtmanError as error:
            LOG.warning("%s stays attached: %s", intent.name, error)
            return
        self._intents.remove(intent)

    def _mark_persistent(self, intent: InstanceIntent) -> None:
        """Note that what is written to an instance is of value from now."""
        serial = self._snapshots.serial(intent)
        self._intents.put(
            replace(
                intent,
                fresh=False,
                blank=False,
                facts=self.base.facts,
                serial=serial,
            )
        )

    def _build(self, intent: InstanceIntent) -> Instance:
        built = self.base.deploy(intent.connections)
        try:
            return self._snapshots.create(intent)
        except Exception:
            if built:
                self._roll_back_stack()
            raise

    def _roll_back_instance(self, intent: InstanceIntent) -> None:
        """Forget an instance that could not be made, and what is left of it.

        What does not go is tried again (:meth:`settle`).
        """
        self._intents.put(replace(intent, leaving=True))
        try:
            self._snapshots.purge(intent)
        except VirtmanError as error:
            LOG.warning("what is left of %s stays: %s", intent.name, error)
            return
        self._intents.remove(intent)

    def _restore(self, intent: InstanceIntent) -> Instance:
        """Put an instance on its image again, with what the VM has written.

        Of one that another host has written nothing is known of the image,
        before it stands here.

        :raises WrongIdentity: the image is not the one that was written on.
        """
        with self._lock:
            found = snapshot.find(intent.name)
            if found is not None:
                self._note_facts(intent)
                return found
            if intent.facts is None:
                self.base.deploy(intent.connections)
            elif not self.base.deployed:
                self.base.restore(
                    ImageIntent(self.name, intent.connections, intent.facts)
                )
            now, then = self.base.facts, intent.facts
            if now and then and now.serial != then.serial:
                raise WrongIdentity(
                    f"{intent.name} was written on {self.name} with serial "
                    f"{then.serial!r}; here it has {now.serial!r}"
                )
            made = self._snapshots.restore(intent)
            self._note_facts(intent)
            LOG.info("instance %s is back: %s", made.name, made.path)
            return made

    def _note_facts(self, intent: InstanceIntent) -> None:
        """Note on what an instance stands that another host has written."""
        if intent.facts is None and self.base.facts is not None:
            self._mark_persistent(replace(intent, active=True))

    def _is_wanted(self) -> bool:
        """Tell whether an instance stands on it, or is to."""
        standing = any(i.image == self.name for i in snapshot.instances())
        return standing or any(
            intent.active for intent in self._intents.on_image(self.name)
        )

    def _roll_back_stack(self) -> None:
        try:
            self.base.undeploy()
        except VirtmanError as error:
            LOG.warning(
                "%s stays until a heartbeat can remove it: %s",
                self.name, error,
            )  # fmt: skip

    def follow(self, assignments: Mapping[str, Assignment]) -> None:
        """Read from the parents that volt names; take a place if none yet.

        New parents are not kept waiting by a create that is at work; a place
        is left to the next heartbeat then.
        """
        peer = self.base.peer
        answer = assignments.get(peer.peer_id or "") if peer else None
        if answer is not None:
            self.base.reassign(answer)
        elif peer and not peer.peer_id and self._lock.acquire(blocking=False):
            try:
                self.base.take_place()
            finally:
                self._lock.release()

    def complete(self) -> None:
        """Build again what is missing of a stack that was whole.

        A verb that is at work on the image goes first.
        """
        if self._lock.acquire(blocking=False):
            try:
                self.base.complete()
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
            if self._is_wanted():
                return False
            return self.base.undeploy()
        except InUse as error:
            LOG.info("%s is kept for now: %s", self.name, error)
            return False
        finally:
            self._lock.release()
