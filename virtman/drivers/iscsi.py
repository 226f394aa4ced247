# SPDX-License-Identifier: Apache-2.0
"""Makes, finds and removes iSCSI targets of tgt, by ``tgtadm``.

Targets are looked up in ``--mode target --op show``, by the whole iSCSI name
and never by a part of it.  Exports are read-only, but for COW stores, each of
which one initiator writes on.  The vendor of the disk is VIRTMAN, so that
multipathd can be told to leave it alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from virtman import names, privsep
from virtman.drivers import accounts
from virtman.exception import CommandError, InUse, LayerError

LUN = 1
VENDOR = "VIRTMAN"
PRODUCT = "IMAGE"
_STORE = "STORE"
# tgtd asks a silent initiator every 10 seconds, and takes it for gone after 6
# questions without an answer: about a minute.  By default that takes an hour,
# and a target whose child lost its power could not be removed until then.  Not
# less: the answers come from the initiator's iscsid, which may be restarted
# meanwhile.
_NOP = {"nop_count": "6", "nop_interval": "10"}
_TARGET = re.compile(r"Target ([0-9]+): (\S+)")
_ADMITTED = "ACL information:"
_ACCOUNTS = "Account information:"
_NUMBER = re.compile("[0-9]+")
# Held while the lowest free target id is looked up and taken.  If another
# process takes the id meanwhile, tgtd refuses, and the next is tried.
_choosing = threading.Lock()
_TRIES = 5


@dataclass
class Target:
    """A target as tgtd describes it.

    ``device`` and ``serial`` are those of its disk (LUN 1).  ``admitted`` are
    the names and addresses that may log in, ``accounts`` the users that CHAP
    accepts.  ``initiators`` are logged in now, from the addresses ``readers``.
    """

    tid: int
    iqn: str
    device: str | None = None
    serial: str | None = None
    initiators: list[str] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether the target asks every initiator for a login."""
        return (
            accounts.closed(self.accounts)
            and accounts.EVERYBODY not in self.admitted
        )

    @property
    def image(self) -> str | None:
        """The image's key, if an agent made the target for an image."""
        return names.parse_iqn(self.iqn) if self._is_ours else None

    @property
    def store(self) -> str | None:
        """The store's key, if an agent made the target for a server store."""
        return names.parse_store_iqn(self.iqn) if self._is_ours else None

    @property
    def _is_ours(self) -> bool:
        return (self.serial or "").startswith(names.SERIAL_PREFIX)

    def half_made(self, device: str) -> bool:
        """Tell whether an agent was killed while it made this target.

        :func:`create` admits initiators last, when the disk is complete.
        """
        disk = self.device in (None, device)
        return disk and not self.initiators and not self.admitted


def targets() -> list[Target]:
    """Return every target that tgtd serves, of any program."""
    return parse(privsep.tgtadm("--mode", "target", "--op", "show"))


def parse(text: str) -> list[Target]:
    """Return the targets of a listing of ``tgtadm --mode target --op show``.

    ::

        Target 1: iqn.2010-10.org.openstack:volume-image1
            I_T nexus information:
                I_T nexus: 1
                    Initiator: iqn.2026-01.lab:node2 alias: node2
                    Connection: 0
                        IP Address: 10.77.0.3
            LUN information:
                LUN: 1
                    SCSI SN: VMT0123456789ABCDEF
                    Backing store path: /dev/loop0
            Account information:
                virtman:iqn.2026-01.lab:node2/0123456789abcdef
            ACL information:
                ALL
                iqn.2026-01.lab:node2

    An unknown line is passed over.
    """
    listed: list[Target] = []
    lun, section = -1, ""
    for line in map(str.strip, text.splitlines()):
        start = _TARGET.fullmatch(line)
        if start:
            listed.append(Target(int(start[1]), start[2]))
            lun, section = -1, ""
        elif line.endswith(" information:"):
            section = line
        elif listed and section == _ADMITTED:
            listed[-1].admitted.append(line)
        elif listed and section == _ACCOUNTS:
            listed[-1].accounts.append(line)
        elif listed:
            lun = _detail(listed[-1], line, lun)
    return listed


def _detail(target: Target, line: str, lun: int) -> int:
    """Note a line of the listing in a target; return the line's LUN."""
    key, _, value = (part.strip() for part in line.partition(": "))
    if key == "LUN":
        return int(value) if _NUMBER.fullmatch(value) else -1
    if key == "Initiator":
        target.initiators.append(value.split(" alias: ")[0])
    elif key == "IP Address":
        target.readers.append(value.strip("[]"))
    elif lun == LUN and key == "SCSI SN":
        target.serial = value
    elif lun == LUN and key == "Backing store path" and value != "None":
        target.device = value
    return lun


def forget(users: Iterable[str]) -> None:
    """Remove those of the agent's accounts that no target has any more."""
    with accounts.guard:
        accounts.forget(set(users) - bound_accounts())


def bound_accounts() -> set[str]:
    """Return the accounts that a target has."""
    return {user for target in targets() for user in target.accounts}


def find(iqn: str) -> Target | None:
    """Return the target with exactly this iSCSI name, None if absent."""
    return next((item for item in targets() if item.iqn == iqn), None)


def create(
    iqn: str,
    device: str,
    serial: str,
    *,
    closed: bool = False,
    writer: str | None = None,
) -> int:
    """Export ``device`` as LUN 1 of a new target and return the target's tid.

    The export is read-only, unless it is a COW store for one initiator,
    ``writer``.  Then no other initiator is let in, whether the target is
    closed or not.

    A closed target asks each initiator for a login;
    :mod:`~virtman.drivers.accounts` admits readers.  No initiator may log in
    before the disk is complete, so the access list is filled last.  On a
    failure the half-made target is removed.

    A read-only device is opened with O_DIRECT: its bytes are in the page cache
    already, as those of the image's file or the cache's, and without
    read-ahead buffered reads go page by page.  A COW store is a plain file, in
    which O_DIRECT would ask for writes as large as its file system's blocks.
    """
    _discard(iqn, half_made=device)
    tid = _new_target(iqn)
    unit = ("--mode", "logicalunit", "--tid", str(tid), "--lun", str(LUN))
    flags = ("--bsoflags", "direct") if writer is None else ()
    identity = _identity(serial, writer is None)
    try:
        _keep_alive(tid)
        privsep.tgtadm("--op", "new", *unit, "--backing-store", device, *flags)
        privsep.tgtadm("--op", "update", *unit, "--params", identity)
        _admit(tid, writer, closed)
    except LayerError:
        _discard(iqn)
        raise
    return tid


def _identity(serial: str, readonly: bool) -> str:
    """Return the parameters of a disk: what readers recognise it by."""
    product = PRODUCT if readonly else _STORE
    return (
        f"readonly={int(readonly)},scsi_sn={serial},"
        f"vendor_id={VENDOR},product_id={product}"
    )


def _keep_alive(tid: int) -> None:
    """Have tgtd ask the readers of a target for signs of life."""
    for name, value in _NOP.items():
        privsep.tgtadm(
            "--op", "update", "--mode", "target", "--tid", str(tid),
            "--name", name, "--value", value,
        )  # fmt: skip


def _admit(tid: int, writer: str | None, closed: bool) -> None:
    """Let the initiators in that may log in to a new target."""
    with accounts.guard:
        if closed:
            accounts.close(tid)
        elif writer is not None:
            accounts.open_to(tid, writer)
        else:
            accounts.open_to_all(tid)


def remove(iqn: str) -> bool:
    """Remove the target with this iSCSI name; return whether it existed.

    :raises InUse: an initiator is logged in; nothing was changed.
    """
    with accounts.guard:
        target = find(iqn)
        if target is None:
            return False
        if target.initiators:
            readers = ", ".join(target.initiators)
            raise InUse(f"target {iqn} still serves {readers}")
        _delete(target)
        return True


def check() -> None:
    """Raise LayerError unless tgtd answers."""
    try:
        privsep.tgtadm("--mode", "system", "--op", "show")
    except CommandError as error:
        raise LayerError(
            "tgtd does not answer: start it ('systemctl start tgt', Debian "
            f"package tgt); it said: {error.err.strip()}"
        ) from error


def _discard(iqn: str, half_made: str | None = None) -> None:
    """Remove a target, be it in use.

    :param half_made: only if an agent was killed while it made the target
        for this device.
    """
    with accounts.guard:
        target = find(iqn)
        if target and (half_made is None or target.half_made(half_made)):
            _delete(target)


def _new_target(iqn: str) -> int:
    with _choosing:
        for attempt in range(_TRIES):
            taken = {target.tid for target in targets()}
            tid = next(n for n in range(1, len(taken) + 2) if n not in taken)
            try:
                privsep.tgtadm(
                    "--op", "new", "--mode", "target", "--tid", str(tid),
                    "--targetname", iqn,
                )  # fmt: skip
            except CommandError:
                if attempt == _TRIES - 1 or find(iqn):
                    raise
                continue
            return tid
    raise LayerError(f"no target id for {iqn} in {_TRIES} tries")


def _delete(target: Target) -> None:
    """Delete a target that was listed under the lock, and its accounts."""
    tid = str(target.tid)
    privsep.tgtadm("--op", "delete", "--mode", "target", "--tid", tid)
    forget(target.accounts)
