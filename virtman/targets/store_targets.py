# SPDX-License-Identifier: Apache-2.0
"""The server stores of this host, each open to one initiator.

``<store_dir>/<store>.cow``, a sparse file in which a disk of its size cannot
overflow -> tgt.  An initiator is let in by its name, and by its ticket where
targets are closed.  No other initiator is, until the store is opened to it,
which is refused while the first one has a session.  So a host that was cut off
and comes back later cannot write on a store that another has by then.

The stores are listed in the intents: an agent that is started finishes what an
earlier one has begun, and after a boot each store is open to the same
initiator, with the login that the initiator's records have.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from virtman import formats, names
from virtman.conf import Settings
from virtman.drivers import accounts, iscsi
from virtman.exception import (
    InvalidRequest,
    NotFound,
    VirtmanError,
)
from virtman.instance import cow_file
from virtman.instance.cow_file import has_writes
from virtman.log_once import LogOnce
from virtman.quoting import quoted
from virtman.state import files
from virtman.state.intent import StoreIntent
from virtman.state.intents import Intents
from virtman.targets import capacity, store_export
from virtman.targets.capacity import Room
from virtman.targets.store_export import StoreExport
from virtman.targets.store_grants import StoreGrants
from vmthunder.addresses import host_port

LOG = logging.getLogger(__name__)
# Of an image in sectors; what ext4 keeps in a file is 16 TiB.
SECTORS_MAX = 1 << 35


@dataclass(frozen=True)
class Store:
    """A server store: its target, its initiator, and whether it has writes.

    ``written`` is true from the moment at which a disk first stood on it;
    ``allocated`` are the bytes that it takes up on the disk by now.
    """

    store: str
    iqn: str
    portal: str
    lun: int
    initiator: str
    written: bool
    allocated: int


class StoreTargets:
    """Opens, removes, recovers and lists the server stores of a host."""

    def __init__(
        self, settings: Settings, intents: Intents, grants: StoreGrants
    ) -> None:
        self._folder = settings.store_dir
        self._export = StoreExport(settings.closed_targets)
        self._portal = host_port(settings.host_ip, settings.iscsi_port)
        self._intents = intents
        self._grants = grants
        self._lock = threading.Lock()
        self._logged = LogOnce()

    def open(
        self, store: str, sectors: int, initiator: str, new: bool
    ) -> Store:
        """Let one initiator write on a store, and no other.

        The same call again changes nothing.

        :param sectors: the size of the disk that is to stand on the store.
        :param new: whether the store is made if it is missing.
        :raises NotFound: the store is missing.
        :raises InUse: the initiator that it is open to has a session.
        :raises InvalidRequest: a name or the size is not possible.
        """
        key = names.check_key("store", store)
        _check(initiator, sectors)
        size = cow_file.size(sectors)
        with self._lock:
            stored = self._settled(key)
            file = files.cow_store(self._folder, key)
            made = not file.exists()
            if made and not new:
                raise NotFound(
                    f"{file}, which had the writes of {key}, is gone; put it "
                    "back, or delete the volume"
                )
            intent = stored or self._intent(key, file, initiator)
            if intent.initiator != initiator:
                intent = replace(intent, initiator=initiator, login=None)
            if intent == stored and not made and file.stat().st_size >= size:
                self._export.serve(intent)
                return self._describe(intent)
            if made:
                self._begin(intent, size)
            else:
                self._change(stored, intent, size)
            LOG.info("store %s is open to %s", key, initiator)
            return self._describe(intent)

    def delete(self, store: str) -> bool:
        """Remove a store and its data; return whether it was there.

        :raises InUse: a host has a session with it; it stays as it is.
        """
        key = names.check_key("store", store)
        with self._lock:
            stored = self._intents.get(StoreIntent, key)
            file = files.cow_store(self._folder, key)
            intent = stored or self._intent(key, file, accounts.NOBODY)
            there = file.exists() or iscsi.find(intent.iqn) is not None
            if stored is None and not there:
                return False
            self._leave(intent)
        LOG.info("store %s is deleted", key)
        return True

    def all(self) -> list[Store]:
        """Return every store, by name."""
        return [
            self._describe(intent)
            for intent in self._intents.all(StoreIntent)
            if not intent.leaving
        ]

    def room(self) -> Room:
        """Return the room for stores, with the room of those that exist.

        :raises OSError: the file system cannot be asked.
        """
        return capacity.of(self._folder)

    def recover(self) -> None:
        """Finish what an earlier agent began with its stores.

        A store that fails does not stop the others, and is tried again.
        """
        wanted = self._intents.all(StoreIntent)
        # One question for all: there may be hundreds, and it is asked often.
        targets = {t.iqn: t for t in iscsi.targets()} if wanted else {}
        for intent in wanted:
            if store_export.stands(targets.get(intent.iqn), intent):
                continue
            try:
                with self._lock:
                    stored = self._settled(intent.name)
                    if stored is not None:
                        self._export.serve(stored)
            except (VirtmanError, OSError) as error:
                if self._logged.is_new(intent.name, error):
                    LOG.error("store %s: %s", intent.name, error)
            else:
                self._logged.forget(intent.name)

    def take_down(self, store: str) -> None:
        """Remove the target of a store; its file and its intent stay.

        :raises InUse: a host has a session with it.
        """
        iscsi.remove(names.store_iqn(store))

    def _intent(self, key: str, file: Path, initiator: str) -> StoreIntent:
        return StoreIntent(key, names.store_iqn(key), str(file), initiator)

    def _settled(self, key: str) -> StoreIntent | None:
        """Return the intent of a store; finish a removal that was begun."""
        intent = self._intents.get(StoreIntent, key)
        if intent is not None and intent.leaving:
            self._leave(intent)
            return None
        return intent

    def _begin(self, intent: StoreIntent, size: int) -> None:
        """Make a store; until it is whole its intent says ``leaving``.

        So the next agent removes a store whose maker was killed.
        """
        self._grants.put(replace(intent, leaving=True))
        try:
            iscsi.remove(intent.iqn)
            cow_file.make(Path(intent.file), size)
            self._export.serve(intent)
        except (VirtmanError, OSError):
            self._leave(intent)
            raise
        self._grants.put(intent)

    def _change(
        self, stored: StoreIntent | None, intent: StoreIntent, size: int
    ) -> None:
        """Open a store to another initiator, or enlarge it.

        The intent is written first: a ticket that is shown meanwhile is
        judged by it alone.  A failure leaves the data as it was, and the
        store closed or as it was.
        """
        store_export.require_free(intent)
        self._grants.put(intent)
        file = Path(intent.file)
        try:
            if file.stat().st_size < size:
                iscsi.remove(intent.iqn)
            cow_file.make(file, size)
            self._export.serve(intent)
        except (VirtmanError, OSError):
            self._grants.put(stored or intent)
            raise

    def _leave(self, intent: StoreIntent) -> None:
        """Remove a store's target and its file, and last its intent."""
        self._grants.put(replace(intent, leaving=True))
        try:
            iscsi.remove(intent.iqn)
        except VirtmanError:
            self._grants.put(replace(intent, leaving=False))
            raise
        Path(intent.file).unlink(missing_ok=True)
        self._grants.remove(intent)

    def _describe(self, intent: StoreIntent) -> Store:
        file = Path(intent.file)
        return Store(
            intent.name,
            intent.iqn,
            self._portal,
            iscsi.LUN,
            intent.initiator,
            has_writes(file),
            cow_file.allocated(file),
        )


def _check(initiator: str, sectors: int) -> None:
    if not formats.is_iscsi_name(initiator):
        raise InvalidRequest(
            f"the initiator {quoted(initiator)} is not an iSCSI name"
        )
    if not isinstance(sectors, int) or not 0 < sectors <= SECTORS_MAX:
        raise InvalidRequest(
            f"a disk cannot have {quoted(sectors)} sectors; it has 1 to "
            f"{SECTORS_MAX}"
        )
