# SPDX-License-Identifier: Apache-2.0
"""iSCSI targets of tgt: make, look up, remove.

``tgtadm`` takes structured arguments; what exists is read from ``--mode
target --op show``, matched by the whole iSCSI name and never by a part of
it.  Exports are read-only, but for stores, each of which one initiator writes
on, and the disk says who made it (vendor VIRTMAN), so that multipathd can be
told to leave it alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from virtman import privsep
from virtman.drivers import accounts
from virtman.exception import CommandError, InUse, LayerError

LUN = 1
VENDOR = "VIRTMAN"
PRODUCT = "IMAGE"
_STORE = "STORE"
# tgtd asks an initiator that says nothing, so often, and believes that it is
# gone after so many questions: about a minute.  By itself it would believe so
# after an hour, and a target whose child lost its power could not be removed
# until then.  The initiator's answers come from its iscsid, which may be
# restarted meanwhile.
_NOP = {"nop_count": "6", "nop_interval": "10"}
_TARGET = re.compile(r"Target ([0-9]+): (\S+)")
_ADMITTED = "ACL information:"
_ACCOUNTS = "Account information:"
_NUMBER = re.compile("[0-9]+")
# The lowest free target id is looked up, then taken: one at a time in this
# process.  Another process that wins the race makes tgtd refuse ours.
_choosing = threading.Lock()
_TRIES = 5


@dataclass
class Target:
    """A target as tgtd describes it.

    Its disk (LUN 1), who may log in (``admitted``), who is, and from where
    (``readers``, addresses).  ``admitted`` are addresses and names,
    ``accounts`` the users that CHAP may ask for.
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
        """Whether who logs in has to show who it is."""
        return (
            accounts.closed(self.accounts)
            and accounts.EVERYBODY not in self.admitted
        )

    def half_made(self, device: str) -> bool:
        """Tell whether this is what :func:`create` leaves when killed.

        Nobody is let in before the disk is complete.
        """
        disk = self.device in (None, device)
        return disk and not self.initiators and not self.admitted


def targets() -> list[Target]:
    """Return every target tgtd serves, ours or not."""
    return parse(privsep.tgtadm("--mode", "target", "--op", "show"))


def parse(text: str) -> list[Target]:
    """Read the listing of ``tgtadm --mode target --op show``.

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

    A line that makes no sense is passed over.
    """
    found: list[Target] = []
    lun, section = -1, ""
    for line in map(str.strip, text.splitlines()):
        start = _TARGET.fullmatch(line)
        if start:
            found.append(Target(int(start[1]), start[2]))
            lun, section = -1, ""
        elif line.endswith(" information:"):
            section = line
        elif found and section == _ADMITTED:
            found[-1].admitted.append(line)
        elif found and section == _ACCOUNTS:
            found[-1].accounts.append(line)
        elif found:
            lun = _detail(found[-1], line, lun)
    return found


def _detail(target: Target, line: str, lun: int) -> int:
    """Note what a line says of a target; return the LUN that it is about."""
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


def strays() -> list[str]:
    """Return the accounts of ours that are bound to no target.

    They are of an agent that was killed, or of a target that went without.
    """
    with accounts.guard:
        return sorted(set(accounts.ours()) - _bound())


def forget(users: Iterable[str]) -> None:
    """Remove those accounts of ours that no target has any more."""
    with accounts.guard:
        accounts.forget(set(users) - _bound())


def _bound() -> set[str]:
    return {user for target in targets() for user in target.accounts}


def find(iqn: str) -> Target | None:
    """Return the target of exactly this iSCSI name, None if there is none."""
    return next((item for item in targets() if item.iqn == iqn), None)


def create(
    iqn: str,
    device: str,
    serial: str,
    *,
    closed: bool = False,
    writer: str | None = None,
) -> int:
    """Export ``device`` as LUN 1 and return the target id.

    Read-only, unless it is a store that one initiator, ``writer``, writes on:
    then nobody else is let in, whether the target is closed or not.

    A closed target asks who logs in; :mod:`~virtman.drivers.accounts` lets
    readers in.  Nobody may log in before the disk is complete: the access
    list is filled last.  A failure takes the half-made target away.

    What is read only is opened with O_DIRECT: the bytes are in the page cache
    once already, as the image's file or the cache's, and without read-ahead
    buffered reads go page by page.  A store is a plain file, in which O_DIRECT
    would ask for writes as large as its file system's blocks.
    """
    _discard_half_made(iqn, device)
    tid = _new_target(iqn)
    unit = ("--mode", "logicalunit", "--tid", str(tid), "--lun", str(LUN))
    product = PRODUCT if writer is None else _STORE
    identity = (
        f"readonly={int(writer is None)},scsi_sn={serial},"
        f"vendor_id={VENDOR},product_id={product}"
    )
    flags = ("--bsoflags", "direct") if writer is None else ()
    try:
        _keep_alive(tid)
        privsep.tgtadm("--op", "new", *unit, "--backing-store", device, *flags)
        privsep.tgtadm("--op", "update", *unit, "--params", identity)
        _admit(tid, writer, closed)
    except LayerError:
        _discard(iqn)
        raise
    return tid


def _keep_alive(tid: int) -> None:
    """Have tgtd ask the readers of a target for signs of life."""
    for name, value in _NOP.items():
        privsep.tgtadm(
            "--op", "update", "--mode", "target", "--tid", str(tid),
            "--name", name, "--value", value,
        )  # fmt: skip


def _admit(tid: int, writer: str | None, closed: bool) -> None:
    """Let the initiators in that may log in to a new target."""
    if closed:
        accounts.close(tid)
    elif writer is not None:
        accounts.open_to(tid, writer)
    else:
        accounts.open_to_all(tid)


def remove(iqn: str) -> bool:
    """Remove the target of this name if it is there; return whether it was.

    :raises InUse: an initiator is logged in; nothing was changed.
    """
    target = find(iqn)
    if target is None:
        return False
    if target.initiators:
        raise InUse(
            f"target {iqn} still serves {', '.join(target.initiators)}"
        )
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


def _discard_half_made(iqn: str, device: str) -> None:
    """Take away what an agent that was killed in :func:`create` left."""
    target = find(iqn)
    if target is not None and target.half_made(device):
        _delete(target)


def _discard(iqn: str) -> None:
    target = find(iqn)
    if target is not None:
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
    """Delete a target and then its accounts, which tgtd would keep."""
    with accounts.guard:
        privsep.tgtadm(
            "--op", "delete", "--mode", "target", "--tid", str(target.tid)
        )
        forget(target.accounts)
