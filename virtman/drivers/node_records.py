# SPDX-License-Identifier: Apache-2.0
"""open-iscsi's node records: made before a login, removed after a logout."""

from __future__ import annotations

from collections.abc import Mapping

from virtman import privsep
from virtman.exception import CommandError, LayerError, NoSource
from virtman.path import Login, Source

TIMEOUTS = {
    "node.session.timeo.replacement_timeout": "1",
    "node.conn[0].timeo.noop_out_interval": "1",
    "node.conn[0].timeo.noop_out_timeout": "2",
    "node.conn[0].timeo.login_timeout": "10",
    "node.session.initial_login_retry_max": "2",
}
# A COW store has no second path, and dm-snapshot gives up a store that fails,
# with all that was written.  So its I/O waits for the target: with a negative
# timeout it is queued until the session is back or is logged out
# (iscsid.conf).
STORE_TIMEOUTS = TIMEOUTS | {
    "node.session.timeo.replacement_timeout": "-1",
    "node.conn[0].timeo.noop_out_interval": "5",
    "node.conn[0].timeo.noop_out_timeout": "5",
}
# iscsiadm(8), EXIT STATUS: no records, targets, sessions or portals found.
_NO_RECORD = 21


def prepare(
    source: Source, timeouts: Mapping[str, str], login: Login | None
) -> None:
    """Make the record of a source, or change the one that is there.

    :param timeouts: values of the record, :data:`TIMEOUTS` say.
    :param login: user and secret of CHAP.
    :raises CommandError: iscsiadm failed.
    """
    try:
        privsep.iscsiadm(*_node(source))
    except CommandError as error:
        if error.code != _NO_RECORD:
            raise
        privsep.iscsiadm(*_node(source), "-o", "new")
    update(source, timeouts)
    if login is not None:
        _write_login(source, login)


def log_out(source: Source) -> None:
    """End the session with a source and remove its record, if there are any.

    :raises LayerError: the session would not go.
    """
    for words in (("--logout",), ("-o", "delete")):
        try:
            privsep.iscsiadm(*_node(source), *words)
        except CommandError as error:
            if error.code != _NO_RECORD:
                raise LayerError(
                    f"logout of {source} failed: {error}"
                ) from error


def _node(source: Source) -> tuple[str, ...]:
    return ("-m", "node", "-T", source.iqn, "-p", source.portal)


def update(source: Source, values: Mapping[str, str]) -> None:
    """Write values into the node record of a source."""
    words = [
        word
        for name, value in values.items()
        for word in ("-n", name, "-v", value)
    ]
    privsep.iscsiadm(*_node(source), "-o", "update", *words)


def _write_login(source: Source, login: Login) -> None:
    """Write user and secret of CHAP into the node record of a source."""
    # Not by iscsiadm: every user of the host could read its command line.
    values = {
        "node.session.auth.authmethod": "CHAP",
        "node.session.auth.username": login.user,
        "node.session.auth.password": login.secret,
    }
    portal = f"{source.host},{source.port}"
    if not privsep.write_node_record(source.iqn, portal, values=values):
        raise NoSource(f"open-iscsi has no record of {source}")
