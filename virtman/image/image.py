# SPDX-License-Identifier: Apache-2.0
"""An image on this node and the instances that stand on it.

There is one lock for each image: creates of one image deploy it once, and
creates of different images do not wait for each other.
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

    ``last_used`` is the time, by the monotonic clock, at which an instance
    was last removed or deactivated.
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

        A failure removes again what this call has built, and never what was
        written before.

        :param keep: see :meth:`virtman.node.node.Node.create`.
        :param remote: a volume to log in to for the writes.
        """
        if remote is None:
            intent = self._snapshots.intend(
                name, self.name, connections, device, keep
            )
        else:
            intents = self._intents.all(InstanceIntent)
            self._stores.require_free(remote, intents)
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
        """Put a deactivated instance on its image again.

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
        """Return the intent of an instance; make one if none is written."""
        intent = self._intents.get(InstanceIntent, instance.name)
        return intent or self._snapshots.describe(instance, self.base.facts)

    def settle(self, intent: InstanceIntent) -> None:
        """Finish or undo the work of an earlier agent on an instance.

        A removal or a deactivation is finished.  An instance with writes gets
        its disk back.  A new one is kept if its disk stands; otherwise it is
        made anew, for no caller was told of it.
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
        """Restore or remove the stack that an earlier agent left."""
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
        """Write the intent of an instance that stands without one.

        Its disk may be in use, so it stays if that fails.

        :returns: whether the image's facts are known and the intent is made.
        """
        with self._lock:
            stored = self._intents.get(ImageIntent, self.name)
            base = stored or self._orphan.describe()
            if base is None or base.facts is None:
                return False
            self._intents.put(base)
            intent = self._snapshots.describe(instance, base.facts)
            self._intents.put(replace(intent, connections=base.connections))
            return True

    def clear(self) -> None:
        """Remove the orphaned stack of an image that nothing needs."""
        with self._lock:
            if not self._is_wanted() and not self.base.deployed:
                self._orphan.clear()

    def _create(self, intent: InstanceIntent) -> Instance:
        with self._lock:
            self._intents.put(intent)
            try:
                instance = self._build(intent)
            except Exception:
                self._roll_back_instance(intent)
                raise
            self._mark_persistent(intent)
            return instance

    def _attach_existing(self, intent: InstanceIntent) -> Instance:
        """Put an instance on a store that another host has written on."""
        self._intents.put(intent)
        try:
            return self._restore(intent)
        except Exception:
            self._detach(intent)
            raise

    def _detach(self, intent: InstanceIntent) -> None:
        """Forget an instance that could not be restored; keep its store.

        A store that stays attached is detached by a later :meth:`settle`.
        """
        self._intents.put(replace(intent, active=False))
        try:
            self._snapshots.deactivate(intent)
        except VirtmanError as error:
            LOG.warning("%s stays attached: %s", intent.name, error)
            return
        self._intents.remove(intent)

    def _mark_persistent(self, intent: InstanceIntent) -> None:
        """Note in the intent that an instance's writes are kept from now."""
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
        """Remove an instance that could not be made, and its intent.

        If that fails, a later :meth:`settle` tries again.
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

        Where another host has written on the store, the image's facts are
        unknown until the image stands here.

        :raises WrongIdentity: the image is not the one that was written on.
        """
        with self._lock:
            standing = snapshot.find(intent.name)
            if standing is not None:
                self._note_facts(intent)
                return standing
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
            instance = self._snapshots.restore(intent)
            self._note_facts(intent)
            LOG.info("instance %s is back: %s", instance.name, instance.path)
            return instance

    def _note_facts(self, intent: InstanceIntent) -> None:
        """Write the image's facts in an intent that has none yet."""
        if intent.facts is None and self.base.facts is not None:
            self._mark_persistent(replace(intent, active=True))

    def _is_wanted(self) -> bool:
        """Tell whether an instance stands on the image, or is to."""
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
        """Apply volt's assignment to the image; ask for a place without one.

        New sources are applied during a create, too.  The question for a
        place needs the lock: during a create it is left to the next beat.
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
        """Build again the layers that a whole stack has lost.

        Nothing is done while a verb is at work on the image.
        """
        if self._lock.acquire(blocking=False):
            try:
                self.base.complete()
            finally:
                self._lock.release()

    def remove_if_idle(self) -> bool:
        """Remove the image unless instances or children use it.

        volt gives the children other parents; until the last child has left,
        the stack stays as it is.

        :returns: whether the image was removed.
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
