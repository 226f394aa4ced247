# SPDX-License-Identifier: Apache-2.0
"""Opens and closes targets of tgt, by CHAP accounts and initiator names.

A target without an account asks no initiator for a login, and a target with a
bound address lets every name in from there (tgt 1.0.85, tried).  So a closed
target always has a name that no initiator has, with an account whose secret
is kept nowhere.  Each reader of it has its name and an account of its own.

tgtd 1.0.85 keeps the accounts of a target in slots, and ends with a
segmentation fault when it lists a target that has an empty slot before a full
one.  So accounts are unbound from the last one on, and those that are to stay
are bound again; they are listed in the order of the slots.  tgtd unbinds a
deleted account from every target, in whatever slot it is: so no bound account
is ever deleted.  A reader of two images has one account for both where one
ticket opens all targets of a server.
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
# Held from the listing of a target until its accounts are changed or it is
# deleted: the id of a removed target may be given to another, and an account
# that is not bound yet looks like an orphan.
guard = threading.RLock()


def close(
    tid: int, users: Collection[str] = (), names: Collection[str] = ()
) -> None:
    """Close a target to all initiators but those that are admitted later.

    :param users: the accounts that are bound to the target already.
    :param names: the names and addresses that are bound to it already.
    """
    if not closed(users):
        user = f"{USER}:{NOBODY}/{secrets.token_hex(8)}"
        _add(tid, Login(user, secrets.token_urlsafe(12)))
    if NOBODY not in names:
        _list("bind", tid, name=NOBODY)
    # Last: a target without any entry counts as half made (drivers/iscsi.py).
    if EVERYBODY in names:
        _list("unbind", tid, address=EVERYBODY)


def open_to_all(tid: int) -> None:
    """Open a target to every initiator."""
    _list("bind", tid, address=EVERYBODY)


def open_to(tid: int, initiator: str) -> None:
    """Open a target to one initiator, by its name alone."""
    _list("bind", tid, name=initiator)


def closed(users: Iterable[str]) -> bool:
    """Tell whether these are the accounts of a closed target."""
    return any(initiator_of(user) == NOBODY for user in users)


def admit(
    tid: int, names: Collection[str], initiator: str, login: Login
) -> None:
    """Let an initiator log in to a target with this login.

    :param names: the names that are bound to the target already.
    """
    _add(tid, login)
    if initiator not in names:
        _list("bind", tid, name=initiator)


def dismiss(
    tid: int, users: Sequence[str], dismissed: Collection[str]
) -> None:
    """Unbind the accounts ``dismissed``, and the names of their initiators.

    :param users: all accounts of the target, in the order of their slots.
    """
    first = min(users.index(user) for user in dismissed)
    rest = users[first:]
    staying = {initiator_of(user) for user in users if user not in dismissed}
    for user in reversed(rest):
        privsep.tgt_account(Op.UNBIND, user, tid)
    for user in rest:
        if user not in dismissed:
            privsep.tgt_account(Op.BIND, user, tid)
    for name in {initiator_of(user) for user in dismissed} - staying:
        # It fails where the name is not bound, which is as good.
        with contextlib.suppress(LayerError):
            _list("unbind", tid, name=name or "")


def forget(users: Iterable[str]) -> None:
    """Remove those of the accounts that an agent made; none may be bound."""
    for user in users:
        if initiator_of(user) is not None:
            with contextlib.suppress(LayerError):
                remove(user)


def remove(user: str) -> None:
    """Remove an account; it must be bound to no target."""
    privsep.tgt_account(Op.DELETE, user)


def ours() -> Iterator[str]:
    """Yield every account of tgtd's that an agent made."""
    text = privsep.tgtadm("--mode", "account", "--op", "show")
    for user in map(str.strip, text.splitlines()):
        if user != _SHOWN and initiator_of(user) is not None:
            yield user


def _add(tid: int, login: Login) -> None:
    """Make an account and bind it to a target.

    An account of that name may exist already, if an agent was killed before
    it bound it.
    """
    with guard:
        with contextlib.suppress(CommandError):
            privsep.tgt_account(Op.NEW, login.user, secret=login.secret)
        privsep.tgt_account(Op.BIND, login.user, tid)


def _list(operation: str, tid: int, **item: str) -> None:
    """Bind a name or an address to a target, or unbind it."""
    ((kind, value),) = item.items()
    privsep.tgtadm(
        "--op", operation, "--mode", "target", "--tid", str(tid),
        f"--initiator-{kind}", value,
    )  # fmt: skip
