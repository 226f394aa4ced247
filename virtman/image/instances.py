# SPDX-License-Identifier: Apache-2.0
"""The instances on one image: created, restored, deactivated, destroyed.

Each verb first writes what is wanted in the instance's intent, then changes
the host.  The image's lock is held meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

from virtman.exception import InUse, VirtmanError, WrongIdentity
from virtman.image.baseimage import BaseImage
from virtman.image.services import Services
from virtman.instance import snapshot
from virtman.instance.request import DiskRequest
from virtman.instance.snapshot import Instance
from virtman.state.intent import ImageIntent, InstanceIntent, InstanceState

LOG = logging.getLogger(__name__)


class ImageInstances:
    """The verbs on the instances of one image.

    ``last_used`` is the time, by the monotonic clock, at which an instance
    was last removed or deactivated.

    :param lock: the image's.
    """

    def __init__(
        self, base: BaseImage, services: Services, lock: threading.Lock
    ) -> None:
        self._image = base.image
        self._base = base
        self._snapshots = services.snapshots
        self._intents = services.intents
        self._lock = lock
        self.last_used = time.monotonic()

    def create(self, request: DiskRequest) -> Instance:
        """Deploy the image if it is not, and put an instance on it.

        A failure removes again what this call has built, and never what was
        written before.
        """
        intent = self._snapshots.intend(
            request, self._intents.all(InstanceIntent)
        )
        if intent.state is InstanceState.CREATING:
            return self._create(intent)
        return self._attach_existing(intent)

    def destroy(self, intent: InstanceIntent) -> None:
        """Remove an instance and its data; the image stays for the next.

        :raises InUse: the VM still runs; the instance stays as it is.
        """
        with self._lock:
            self.last_used = time.monotonic()
            self._put(intent, InstanceState.DELETING)
            try:
                self._snapshots.purge(intent)
            except InUse:
                # The disk of a deletion that an earlier agent has begun is in
                # use, too: it stands.
                begun = intent.state is InstanceState.DELETING
                self._put(
                    intent, InstanceState.ACTIVE if begun else intent.state
                )
                raise
            self._intents.remove(intent)

    def deactivate(self, intent: InstanceIntent) -> None:
        """Take an instance's disk away and keep what the VM has written.

        :raises InUse: the VM still runs; the disk stays.
        """
        with self._lock:
            self.last_used = time.monotonic()
            self._put(intent, InstanceState.INACTIVE)
            try:
                self._snapshots.deactivate(intent)
            except InUse:
                self._put(intent, InstanceState.ACTIVE)
                raise

    def activate(self, intent: InstanceIntent) -> None:
        """Put a deactivated instance on its image again.

        A failure leaves it deactivated.

        :raises WrongIdentity: the image is not the one that was written on.
        """
        self._put(intent, InstanceState.ACTIVE)
        try:
            self._restore(intent)
        except Exception:
            self._put(intent, InstanceState.INACTIVE)
            raise

    def describe(self, instance: Instance) -> InstanceIntent:
        """Return the intent of an instance; make one if none is written."""
        intent = self._intents.get(InstanceIntent, instance.name)
        return intent or self._snapshots.describe(instance, self._base.facts)

    def settle(self, intent: InstanceIntent) -> None:
        """Finish or undo the work of an earlier agent on an instance.

        A removal or a deactivation is finished.  An instance with writes gets
        its disk back.  A new one is kept if its disk stands; otherwise it is
        made anew, for no caller was told of it.
        """
        match intent.state:
            case InstanceState.DELETING:
                self.destroy(intent)
            case InstanceState.INACTIVE:
                self.deactivate(intent)
            case InstanceState.ACTIVE:
                self._restore(intent)
            case InstanceState.CREATING:
                self._settle_new(intent)

    def adopt(self, instance: Instance, base: ImageIntent) -> None:
        """Write the intent of an instance that stands without one.

        :param base: the intent of its image, with the image's facts.
        """
        intent = self._snapshots.describe(instance, base.facts)
        self._intents.put(replace(intent, connections=base.connections))

    def any_wanted(self) -> bool:
        """Tell whether an instance stands on the image, or is to."""
        standing = any(i.image == self._image for i in snapshot.instances())
        return standing or any(
            intent.state.wants_disk
            for intent in self._intents.on_image(self._image)
        )

    def _put(self, intent: InstanceIntent, state: InstanceState) -> None:
        self._intents.put(replace(intent, state=state))

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

    def _settle_new(self, intent: InstanceIntent) -> None:
        if self._base.facts and snapshot.find(intent.name) is not None:
            self._mark_persistent(intent)
        else:
            self._snapshots.purge(intent)
            self._create(intent)

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
        self._put(intent, InstanceState.INACTIVE)
        try:
            self._snapshots.deactivate(intent)
        except VirtmanError as error:
            LOG.warning(
                "the store of %s stays attached: %s", intent.name, error
            )
            return
        self._intents.remove(intent)

    def _mark_persistent(self, intent: InstanceIntent) -> None:
        """Note in the intent that an instance's writes are kept from now."""
        self._intents.put(
            replace(
                intent,
                state=InstanceState.ACTIVE,
                blank=False,
                facts=self._base.facts,
                serial=self._snapshots.serial(intent),
            )
        )

    def _build(self, intent: InstanceIntent) -> Instance:
        built = self._base.deploy(intent.connections)
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
        self._put(intent, InstanceState.DELETING)
        try:
            self._snapshots.purge(intent)
        except VirtmanError as error:
            LOG.warning(
                "instance %s could not be made, and parts of it stay: %s",
                intent.name,
                error,
            )
            return
        self._intents.remove(intent)

    def _roll_back_stack(self) -> None:
        try:
            self._base.undeploy()
        except VirtmanError as error:
            LOG.warning(
                "the stack of %s stays until housekeeping can remove it: %s",
                self._image, error,
            )  # fmt: skip

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
                self._base.deploy(intent.connections)
            elif not self._base.deployed:
                self._base.restore(
                    ImageIntent(self._image, intent.connections, intent.facts)
                )
            self._require_same_content(intent)
            instance = self._snapshots.restore(intent)
            self._note_facts(intent)
            LOG.info(
                "instance %s is restored: %s", instance.name, instance.path
            )
            return instance

    def _require_same_content(self, intent: InstanceIntent) -> None:
        """Refuse to put writes on an image that they do not fit on."""
        now, then = self._base.facts, intent.facts
        if now and then and now.serial != then.serial:
            raise WrongIdentity(
                f"{intent.name} was written on {self._image} with serial "
                f"{then.serial!r}; here it has {now.serial!r}"
            )

    def _note_facts(self, intent: InstanceIntent) -> None:
        """Write the image's facts in an intent that has none yet."""
        if intent.facts is None and self._base.facts is not None:
            self._mark_persistent(intent)
