# SPDX-License-Identifier: Apache-2.0
"""Logs in to iSCSI targets, by os-brick, and out of them.

Two things are done before os-brick's login.  The portal is asked whether it
serves the target at all (os-brick would try for minutes); an agent there is
shown volt's ticket for the target.  And the node record is made with short
timeouts, so that a dead parent is noticed in seconds: a noop after 1 s of
silence, 2 s for its answer, 1 s until the SCSI layer gets its I/O back.  So a
parent that loses its power costs a reader 4 s.  A target process that dies
costs 1 s, since the kernel notices that at once.  A false alarm (a parent that
is silent for 3 s) costs a change of path and no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any, Protocol

from oslo_concurrency import lockutils
from oslo_config import cfg

from virtman import names, privsep, sysfs
from virtman.drivers import disk, iscsi, node_records, portal, sessions
from virtman.exception import CommandError, LayerError, NoSource
from virtman.model import Verdict
from virtman.path import Login, Path, SessionState, Source

# Why no login to a store is tried; short, since Nova shows 255 bytes of it.
_SHUT = {
    Verdict.ABSENT: "is not served: the store's file is gone, or not exported "
    "yet; see the log of the image server's agent",
    Verdict.REFUSED: "does not let this host in: the store is open to another "
    "host, or to none",
}


class Presenter(Protocol):
    """Presents tickets to the agents of sources."""

    def present(self, source: Source) -> Verdict:
        """Show the ticket for a source to the source's agent."""

    def login(self, source: Source) -> Login | None:
        """Return the login that a source admitted last, None without one.

        :raises NoSource: the ticket has run out.
        """


class Connector:
    """Logs in to sources and out of them; each login gives one disk."""

    def __init__(
        self,
        lock_path: File,
        done: Callable[[str], None] = lambda change: None,
        ticket_client: Presenter | None = None,
    ) -> None:
        """Make a connector; :meth:`start` loads os-brick.

        :param lock_path: the folder of os-brick's locks.
        :param done: is called after each login and logout.
        :param ticket_client: shows tickets to the sources' agents.
        """
        self._lock_path = lock_path
        self._done = done
        self._ticket_client = ticket_client
        self._brick: Any = None

    def start(self) -> None:
        """Load os-brick, which takes seconds on a slow host."""
        import os_brick
        from os_brick import privileged

        from virtman.drivers.brick import execute, login, scsi

        self._lock_path.mkdir(parents=True, exist_ok=True)
        lockutils.set_defaults(str(self._lock_path))
        # os-brick reads the process-wide options and no others.
        cfg.CONF([], default_config_files=[], default_config_dirs=[])
        os_brick.setup(cfg.CONF)
        # Its commands go through the agent's helpers (brick/execute.py).  Its
        # own helper, which would execute anything, must never be started.
        privileged.default.set_client_mode(False)
        privileged.brick_privsep_hide_output.set_client_mode(False)
        # The class itself: the factory beside it would load every other
        # protocol's connector too, seconds on a slow host.
        self._brick = login.OneLogin(
            root_helper="", execute=execute.execute, use_multipath=False
        )
        self._brick._linuxscsi = scsi.PromptScsi(
            root_helper="", execute=execute.execute
        )

    def serves(self, source: Source) -> bool:
        """Tell whether a source's portal serves its target to this node.

        A parent's tgtd answers before it has this image's target, and a
        login would then be tried again and again; SendTargets (RFC 7143,
        appendix C) tells at once, and leaves no record here.  A host that
        reads the image from this very node cannot serve it: each would wait
        for the other.
        """
        if not portal.listens(source) or _reads_here(source):
            return False
        verdict = Verdict.NONE
        if self._ticket_client:
            verdict = self._ticket_client.present(source)
        if verdict is Verdict.NONE:
            return portal.names_target(source)
        return verdict.serves

    def connect(self, source: Source) -> Path:
        """Log in to a source and return the path; a session is used again.

        :raises NoSource: the login or the disk failed; nothing is left.
        """
        return self._connect(source, node_records.TIMEOUTS)

    def connect_store(self, source: Source) -> Path:
        """Log in to a COW store and return the path, as :meth:`connect`.

        The agent of a server store is shown this node's ticket first.

        :raises NoSource: as there, or the agent does not let this node in.
        """
        server_store = names.parse_store_iqn(source.iqn) is not None
        # A session that stands needs no new ticket.
        if self._ticket_client and server_store and not self.logged_in(source):
            verdict = self._ticket_client.present(source)
            if verdict in _SHUT:
                raise NoSource(f"{source} {_SHUT[verdict]}")
        return self._connect(source, node_records.STORE_TIMEOUTS)

    def logged_in(self, source: Source) -> bool:
        """Tell whether there is a session with a source's target."""
        return sessions.logged_in(source)

    def _connect(self, source: Source, timeouts: Mapping[str, str]) -> Path:
        try:
            self._prepare_record(source, timeouts)
            answer = self._brick.connect_volume(_properties(source))
        except Exception as error:
            raise NoSource(f"login to {source} failed: {error}") from error
        self._done(f"login {source}")
        path = Path(source, str(answer["path"]), 0)
        try:
            # No read-ahead: it would fetch blocks that no VM has asked for,
            # over the uplink that all children of a parent share.
            privsep.blockdev("--setra", "0", path.device)
            # os-brick has set it to automatic, which is a login at the next
            # boot; the target may serve something else by then.
            node_records.update(source, {"node.startup": "manual"})
        except LayerError as error:
            self.disconnect(path)
            raise NoSource(f"login to {source} failed: {error}") from error
        return replace(path, sectors=sysfs.sectors(path.device))

    def disconnect(self, path: Path) -> None:
        """Log out of a path's source; a session that is gone already is fine.

        Not by os-brick: it flushes the disk first, which is read-only, and
        was seen to take a minute over that when the target had no power.

        :raises LayerError: the session would not go.
        """
        node_records.log_out(path.source)
        self._done(f"logout {path.source}")

    def standing(self, iqn: str) -> list[Path]:
        """Return the paths of this host's sessions with a target."""
        return sessions.standing(iqn)

    def state(self, path: Path) -> SessionState:
        """Return the state of a path's session, as the kernel has it now."""
        return disk.session(path.device)

    def _prepare_record(
        self, source: Source, timeouts: Mapping[str, str]
    ) -> None:
        client = self._ticket_client
        # First, since it raises if the ticket has run out: no record is left
        # behind then.
        login = client.login(source) if client else None
        node_records.prepare(source, timeouts, login or source.login)


def _reads_here(source: Source) -> bool:
    """Tell whether a source's host is logged in to this node's own target.

    That may last a while after volt has moved this node below that host: the
    host's agent was not running then, or has not come to it yet.
    """
    try:
        target = iscsi.find(source.iqn)
    except CommandError:
        return False
    return target is not None and source.host in target.readers


def _properties(source: Source) -> dict[str, Any]:
    # The plural keys make os-brick's clean-up use these values instead of its
    # discovery database, which a login by name never fills.
    return {
        "target_portal": source.portal,
        "target_iqn": source.iqn,
        "target_lun": source.lun,
        "target_portals": [source.portal],
        "target_iqns": [source.iqn],
        "target_luns": [source.lun],
        "target_discovered": False,
        "encrypted": False,
    }
