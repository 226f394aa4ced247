# SPDX-License-Identifier: Apache-2.0
"""The accounts of targets, changed on a listing that cannot get old.

Between a listing and a change the id of a target that was removed may be
given to another, and an account that is not bound yet looks like an orphan.
So a target's accounts are changed only through an :class:`Access`, which
exists while the lock of :mod:`virtman.drivers.accounts` is held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from virtman.drivers import accounts, iscsi
from virtman.drivers.iscsi import Target
from virtman.path import Login


class Access:
    """A target as it is now, whose accounts may be changed."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def close(self) -> None:
        """Close the target to all initiators but those that are admitted."""
        target = self.target
        accounts.close(target.tid, target.accounts, target.admitted)

    def admit(self, initiator: str, login: Login) -> bool:
        """Let an initiator log in; return whether it could not before."""
        target = self.target
        if login.user in target.accounts:
            return False
        accounts.admit(target.tid, target.admitted, initiator, login)
        return True

    def dismiss(self, users: Collection[str]) -> None:
        """Unbind accounts, and the names of their initiators."""
        accounts.dismiss(self.target.tid, self.target.accounts, users)


@contextmanager
def of_target(iqn: str) -> Iterator[Access | None]:
    """Hold all accounts; yield the access to a target, None if absent."""
    with accounts.guard:
        target = iscsi.find(iqn)
        yield None if target is None else Access(target)


@contextmanager
def of_targets() -> Iterator[list[Access]]:
    """Hold all accounts; yield the access to every target."""
    with accounts.guard:
        yield [Access(target) for target in iscsi.targets()]


def strays() -> list[str]:
    """Return the agent's accounts that are bound to no target.

    An agent was killed before it bound them, or their target was removed
    without them.
    """
    with accounts.guard:
        return sorted(set(accounts.ours()) - iscsi.bound_accounts())


def remove_stray(user: str) -> None:
    """Remove an account of the agent's unless a target has it by now.

    :raises LayerError: tgtd refused it.
    """
    with accounts.guard:
        if user not in iscsi.bound_accounts():
            accounts.remove(user)


def forget(users: Iterable[str]) -> None:
    """Remove those of the agent's accounts that no target has any more."""
    iscsi.forget(users)
