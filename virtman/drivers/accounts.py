# SPDX-License-Identifier: Apache-2.0
"""Who may log in to a target of tgt: CHAP accounts and initiator names.

A target to which no account is bound asks nobody, and one to which an address
is bound takes every name from there (tgt 1.0.85, tried).  So one that is
closed has a name that nobody has and an account that nobody knows from its
beginning to its end, and the names of its readers, each with an account of
its own.

tgtd 1.0.85 keeps the accounts of a target in slots, and ends with a
segmentation fault when it lists a target that has an empty slot before a full
one.  So accounts are unbound from the last one on, and those that are to stay
are bound again; they are listed in the order of the slots.  An account that is
deleted is unbound from every target, wherever it stands: none is deleted that
is bound still.  A reader of two images has one for both where one ticket opens
all targets of a server.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence

from virtman import privsep
from virtman.exception import CommandError, LayerError
from virtman.names import USER, initiator_of
from virtman.path import Login
from virtman.privsep.tgt_socket import Op

NOBODY = "iqn.2010-10.org.openstack:nobody"
EVERYBODY = "ALL"
_SHOWN = "Account list:"
# A target's id may be another's as soon as the target is gone, and an account
# that is bound to nothing is taken for a leftover.
guard = threading.RLock()


def close(
    tid: int, users: Collection[str] = (), names: Collection[str] = ()
) -> None:
    """Let in nobody but those who are admitted from now on.

    :param users: the accounts that are bound to the target already.
    :param names: the names and addresses that are.
    """
    if not closed(users):
        user = f"{USER}:{NOBODY}/{secrets.token_hex(8)}"
        _add(tid, Login(user, secrets.token_urlsafe(12)))
    if NOBODY not in names:
        _list("bind", tid, name=NOBODY)
    if EVERYBODY in names:
        _list("unbind", tid, address=EVERYBODY)


def open_to_all(tid: int) -> None:
    """Let everybody in."""
    _list("bind", tid, address=EVERYBODY)


def open_to(tid: int, initiator: str) -> None:
    """Let one initiator in, by its name alone."""
    _list("bind", tid, name=initiator)


def closed(users: Iterable[str]) -> bool:
    """Tell whether these are the accounts of a closed target."""
    return any(initiator_of(user) == NOBODY for user in users)


def admit(
    tid: int, names: Collection[str], initiator: str, login: Login
) -> None:
    """Let an initiator log in as this.

    :param names: those that are bound to the target.
    """
    _add(tid, login)
    if initiator not in names:
        _list("bind", tid, name=initiator)


def dismiss(tid: int, users: Sequence[str], gone: Collection[str]) -> None:
    """Unbind the accounts ``gone``, and the names of their initiators.

    :param users: all accounts of the target, in the order of their slots.
    """
    first = min(users.index(user) for user in gone)
    rest = users[first:]
    staying = {initiator_of(user) for user in users if user not in gone}
    for user in reversed(rest):
        privsep.tgt_account(Op.UNBIND, user, tid)
    for user in rest:
        if user not in gone:
            privsep.tgt_account(Op.BIND, user, tid)
    for name in {initiator_of(user) for user in gone} - staying:
        # Also a name that no command is given: it is bound nowhere.
        with contextlib.suppress(LayerError):
            _list("unbind", tid, name=name or "")


def forget(users: Iterable[str]) -> None:
    """Remove accounts of ours that are bound to nothing."""
    for user in users:
        if initiator_of(user) is not None:
            with contextlib.suppress(LayerError):
                remove(user)


def remove(user: str) -> None:
    """Remove an account that is bound to nothing."""
    privsep.tgt_account(Op.DELETE, user)


def ours() -> Iterator[str]:
    """Yield every account of ours that tgtd knows."""
    text = privsep.tgtadm("--mode", "account", "--op", "show")
    for user in map(str.strip, text.splitlines()):
        if user != _SHOWN and initiator_of(user) is not None:
            yield user


def _add(tid: int, login: Login) -> None:
    """Make an account and bind it.

    One of that name may be there: an agent was killed before it was bound.
    """
    with guard:
        with contextlib.suppress(CommandError):
            privsep.tgt_account(Op.NEW, login.user, secret=login.secret)
        privsep.tgt_account(Op.BIND, login.user, tid)


def _list(what: str, tid: int, **item: str) -> None:
    """Change the access list of a target, by one name or address."""
    ((kind, value),) = item.items()
    privsep.tgtadm(
        "--op", what, "--mode", "target", "--tid", str(tid),
        f"--initiator-{kind}", value,
    )  # fmt: skip
