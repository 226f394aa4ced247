# SPDX-License-Identifier: Apache-2.0
"""Checks whether the agent's user may start the privsep helpers."""

from __future__ import annotations

from collections.abc import Iterator

from virtman import privsep
from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level

_CHECK = "privileges"


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each helper; root's agent needs none.

    The agent's user is the owner of ``state_dir``.
    """
    user = _owner(settings)
    if user is None:
        yield Finding(
            _CHECK, Level.OK,
            "the agent is root's and needs no helpers (going by whose "
            f"{settings.state_dir} is)",
        )  # fmt: skip
        return
    for context in privsep.CONTEXTS:
        yield _helper(context, settings, user)


def _owner(settings: Settings) -> str | None:
    """Return the agent's user, None for root or without a ``state_dir``."""
    try:
        number = settings.state_dir.stat().st_uid
    except OSError:
        return None
    return privsep.helpers.user(number) if number else None


def _helper(
    context: privsep.Context, settings: Settings, user: str
) -> Finding:
    reason = privsep.helpers.refused(
        context, settings.root_helper, settings.helper_commands, user
    )
    if reason is None:
        return Finding(_CHECK, Level.OK, f"{user} may start {context.pypath}")
    return Finding(
        _CHECK, Level.ERROR,
        f"sudo does not start {context.pypath} for {user}: {reason}",
        "adapt etc/sudoers.d/virtman and put it into /etc/sudoers.d (Debian "
        "package sudo), or set root_helper",
    )  # fmt: skip
