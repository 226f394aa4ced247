# SPDX-License-Identifier: Apache-2.0
"""Stores that disks of other hosts write on, each open to one host.

``<store_dir>/<store>.cow``, a sparse file in which a disk of its size cannot
overflow -> tgt.  An initiator is let in by its name, and by its ticket where
targets are closed; nobody else is, until the store is opened to another, which
is refused while the first one has a session.  So a host that was cut off and
comes back later writes on nothing that another has by then.

Which stores there are is in the intents: an agent that is started finishes
what another has begun, and after a boot each is open to whom it was, with the
login that its initiator's records have.
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
    InUse,
    InvalidRequest,
    NotFound,
    VirtmanError,
)
from virtman.instance import cow_file
from virtman.instance.cow_file import has_writes
from virtman.path import Login
from virtman.quoting import quoted
from virtman.state.intents import Intents, StoreIntent
from virtman.targets import capacity
from virtman.targets.capacity import Room

LOG = logging.getLogger(__name__)
# Of an image in sectors; what ext4 keeps in a file is 16 TiB.
SECTORS_MAX = 1 << 35


@dataclass(frozen=True)
class Store:
    """A store: where it is written on, who may, and whether it was.

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
    """Opens, removes, finishes and lists them."""

    def __init__(self, settings: Settings, intents: Intents) -> None:
        self._folder = settings.store_dir
        self._closed = settings.closed_targets
        host, port = settings.host_ip, settings.iscsi_port
        self._portal = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._intents = intents
        self._lock = threading.Lock()
        # Of who may write: held for moments, also by who knocks.
        self._grants = threading.Lock()
        self._said: dict[str, str] = {}

    def open(
        self, store: str, sectors: int, initiator: str, new: bool
    ) -> Store:
        """Let one initiator write on a store, and nobody else.

        The same again changes nothing.

        :param sectors: of the disk that is to stand on it.
        :param new: whether the store is made if there is none.
        :raises NotFound: there is none.
        :raises InUse: the initiator that it is open to has a session.
        :raises InvalidRequest: a name or the size makes no sense.
        """
        key = names.check_key("store", store)
        _check(initiator, sectors)
        size = cow_file.size(sectors)
        with self._lock:
            known = self._settled(key)
            file = self._folder / f"{key}.cow"
            made = not file.exists()
            if made and not new:
                raise NotFound(
                    f"{file}, which had the writes of {key}, is gone; put it "
                    "back, or delete the volume"
                )
            intent = known or self._intent(key, file, initiator)
            if intent.initiator != initiator:
                intent = replace(intent, initiator=initiator, login=None)
            if intent == known and not made and file.stat().st_size >= size:
                self._serve(intent)
                return self._told(intent)
            if made:
                self._begin(intent, size)
            else:
                self._change(known, intent, size)
            LOG.info("store %s is open to %s", key, initiator)
            return self._told(intent)

    def delete(self, store: str) -> bool:
        """Remove a store and what was written; return whether it was there.

        :raises InUse: a host has a session with it; it stays as it is.
        """
        key = names.check_key("store", store)
        with self._lock:
            known = self._intents.get(StoreIntent, key)
            file = self._folder / f"{key}.cow"
            intent = known or self._intent(key, file, accounts.NOBODY)
            there = file.exists() or iscsi.find(intent.iqn) is not None
            if known is None and not there:
                return False
            self._leave(intent)
        LOG.info("store %s is gone", key)
        return True

    def all(self) -> list[Store]:
        """Return every store, by name."""
        return [
            self._told(intent)
            for intent in self._intents.all(StoreIntent)
            if not intent.leaving
        ]

    def room(self) -> Room:
        """Return the room for stores, those that there are among them.

        :raises OSError: the file system cannot be asked.
        """
        return capacity.of(self._folder)

    def recover(self) -> None:
        """Finish what an agent before this one began with any store.

        One that fails keeps none of the others from it, and is tried again.
        """
        wanted = self._intents.all(StoreIntent)
        # One question for all: there may be hundreds, and it is asked often.
        found = {one.iqn: one for one in iscsi.targets()} if wanted else {}
        for intent in wanted:
            if _stands(found.get(intent.iqn), intent):
                continue
            try:
                with self._lock:
                    known = self._settled(intent.name)
                    if known is not None:
                        self._serve(known)
            except (VirtmanError, OSError) as error:
                if self._said.get(intent.name) != str(error):
                    LOG.error("store %s: %s", intent.name, error)
                self._said[intent.name] = str(error)
            else:
                self._said.pop(intent.name, None)

    def take_down(self, store: str) -> None:
        """Export a store no more; the file and its intent stay.

        :raises InUse: a host has a session with it.
        """
        iscsi.remove(names.store_iqn(store))

    def may_write(self, iqn: str, initiator: str) -> bool:
        """Tell whether a store is open to an initiator."""
        known = self._of(iqn)
        return (
            known is not None
            and not known.leaving
            and known.initiator == initiator
        )

    def keep_login(self, iqn: str, initiator: str, login: Login) -> None:
        """Note with what an initiator is admitted, to do so after a boot."""
        with self._grants:
            known = self._of(iqn)
            if known is not None and known.initiator == initiator:
                self._intents.put(replace(known, login=login))

    def holds(self, iqn: str, user: str) -> bool:
        """Tell whether an account is of whom a store is open to."""
        known = self._of(iqn)
        login = known.login if known else None
        return login is not None and login.user == user

    def _of(self, iqn: str) -> StoreIntent | None:
        key = names.parse_store_iqn(iqn)
        return self._intents.get(StoreIntent, key) if key else None

    def _intent(self, key: str, file: Path, initiator: str) -> StoreIntent:
        return StoreIntent(key, names.store_iqn(key), str(file), initiator)

    def _settled(self, key: str) -> StoreIntent | None:
        """Return the intent of a store that is to stay."""
        known = self._intents.get(StoreIntent, key)
        if known is not None and known.leaving:
            self._leave(known)
            return None
        return known

    def _begin(self, intent: StoreIntent, size: int) -> None:
        """Make a store; until it is whole its intent says that it goes.

        So of one whose maker was killed nothing is left.
        """
        self._put(replace(intent, leaving=True))
        try:
            iscsi.remove(intent.iqn)
            cow_file.make(Path(intent.file), size)
            self._serve(intent)
        except (VirtmanError, OSError):
            self._leave(intent)
            raise
        self._put(intent)

    def _change(
        self, known: StoreIntent | None, intent: StoreIntent, size: int
    ) -> None:
        """Open a store to another, or enlarge it.

        The intent goes first: who knocks meanwhile is let in by it alone.  A
        failure leaves the data as it was, and the store closed or as it was.
        """
        _require_free(intent)
        self._put(intent)
        file = Path(intent.file)
        try:
            if file.stat().st_size < size:
                iscsi.remove(intent.iqn)
            cow_file.make(file, size)
            self._serve(intent)
        except (VirtmanError, OSError):
            self._put(known or intent)
            raise

    def _serve(self, intent: StoreIntent) -> None:
        """Export a store unless it is; let its initiator in again.

        :raises InUse: another has a session with it.
        """
        found = iscsi.find(intent.iqn)
        if _stands(found, intent):
            return
        if found is not None and not _fits(found, intent):
            iscsi.remove(intent.iqn)
            found = None
        if found is None or found.half_made(intent.file):
            if not Path(intent.file).exists():
                raise NotFound(f"{intent.file} is gone; put it back")
            iscsi.create(
                intent.iqn,
                intent.file,
                names.store_serial(intent.name),
                closed=self._closed,
                writer=intent.initiator,
            )
            LOG.info("store %s is exported", intent.name)
            found = iscsi.find(intent.iqn)
        login = intent.login
        if found is None or login is None or not found.closed:
            return
        if login.user not in found.accounts:
            accounts.admit(found.tid, found.admitted, intent.initiator, login)

    def _leave(self, intent: StoreIntent) -> None:
        """Remove what there is of a store; the intent goes last."""
        self._put(replace(intent, leaving=True))
        try:
            iscsi.remove(intent.iqn)
        except VirtmanError:
            self._put(replace(intent, leaving=False))
            raise
        Path(intent.file).unlink(missing_ok=True)
        with self._grants:
            self._intents.remove(intent)

    def _put(self, intent: StoreIntent) -> None:
        with self._grants:
            self._intents.put(intent)

    def _told(self, intent: StoreIntent) -> Store:
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


def _stands(target: iscsi.Target | None, intent: StoreIntent) -> bool:
    """Tell whether a store is exported as it is to be, to whom it is open."""
    if target is None or intent.leaving or target.half_made(intent.file):
        return False
    login = intent.login
    known = login is None or login.user in target.accounts
    return _fits(target, intent) and (known or not target.closed)


def _fits(target: iscsi.Target, intent: StoreIntent) -> bool:
    """Tell whether a target lets nobody in but whom the store is open to."""
    return set(target.admitted) <= {accounts.NOBODY, intent.initiator}


def _require_free(intent: StoreIntent) -> None:
    """Refuse what would take a store from another.

    :raises InUse: that has a session with it.
    """
    found = iscsi.find(intent.iqn)
    others = set(found.initiators) - {intent.initiator} if found else set()
    if others:
        raise InUse(
            f"the store {intent.name} is in use by {', '.join(sorted(others))}"
            "; detach the volume there first"
        )


def _check(initiator: str, sectors: int) -> None:
    if not formats.is_iscsi_name(initiator):
        raise InvalidRequest(
            f"the initiator {quoted(initiator)} is no iSCSI name"
        )
    if not isinstance(sectors, int) or not 0 < sectors <= SECTORS_MAX:
        raise InvalidRequest(
            f"a disk of {quoted(sectors)} sectors is none; it has 1 to "
            f"{SECTORS_MAX}"
        )
