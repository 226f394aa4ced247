# SPDX-License-Identifier: Apache-2.0
"""The iSCSI sessions of this host and the disks that came of them.

Read from ``/sys/class/iscsi_session`` and ``iscsi_connection``
(``drivers/scsi/scsi_transport_iscsi.c``): sessions outlive the agent, and
the next one has to find them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File

from virtman import names, sysfs
from virtman.drivers import iscsi
from virtman.path import Path, Source


def standing(iqn: str) -> list[Path]:
    """Return this host's sessions with a target, those of others left out.

    A session is ours if its disk says that an agent made it (vendor), or if
    it has none: the agent was killed before the disk came.  Then the path's
    device is empty.
    """
    found = (_path(f) for f in sorted(_sessions()) if _target(f) == iqn)
    return [path for path in found if path is not None]


def logged_in(source: Source) -> bool:
    """Tell whether this host has a session with a target at a portal."""
    wanted = (source.host, source.port)
    return any(
        _target(f) == source.iqn and _portal(f) == wanted for f in _sessions()
    )


def targets() -> set[str]:
    """Return the targets that this host has disks of images from."""
    return {iqn for iqn in map(_target, _ours()) if names.parse_iqn(iqn)}


def stores() -> set[str]:
    """Return the targets that this host has stores from."""
    return {iqn for iqn in map(_target, _ours()) if names.parse_store_iqn(iqn)}


def failed_stores() -> set[int]:
    """Return the sessions with stores whose connections have failed.

    By their numbers, N of ``sessionN``.
    """
    return {
        int(folder.name.removeprefix("session"))
        for folder in _ours()
        if names.parse_store_iqn(_target(folder))
        and sysfs.read(folder / "state") != "LOGGED_IN"
        and sysfs.read(_connection(folder) / "state") == "failed"
    }


def _sessions() -> Iterator[File]:
    """Yield the folder of every session of this host."""
    yield from (sysfs.SYS / "class" / "iscsi_session").glob("session*")


def _ours() -> Iterator[File]:
    """Yield those that an agent's disk has come by."""
    return (one for one in _sessions() if any(map(_is_ours, _disks(one))))


def _target(session: File) -> str:
    return sysfs.read(session / "targetname") or ""


def _path(session: File) -> Path | None:
    """Return the path of a session's disk, None if that is another's."""
    disks = list(_disks(session))
    mine = [disk for disk in disks if _is_ours(disk)]
    host, port = _portal(session)
    if (disks and not mine) or not host:
        return None
    if not mine:
        return Path(Source(host, port, _target(session), iscsi.LUN), "", 0)
    lun = int((mine[0] / "device").resolve().name.split(":")[-1])
    size = int(sysfs.read(mine[0] / "size") or 0)
    device = f"/dev/{mine[0].name}"
    return Path(Source(host, port, _target(session), lun), device, size)


def _disks(session: File) -> Iterator[File]:
    """Yield the disks of a session: session*/device/target*/H:C:I:L."""
    yield from sorted((session / "device").glob("target*/*:*:*:*/block/*"))


def _is_ours(disk: File) -> bool:
    return (sysfs.read(disk / "device" / "vendor") or "").strip() == (
        iscsi.VENDOR
    )


def _portal(session: File) -> tuple[str, int]:
    """Return host and port as they were asked for at the login."""
    folder = _connection(session)
    host = sysfs.read(folder / "persistent_address") or ""
    return host, int(sysfs.read(folder / "persistent_port") or 0)


def _connection(session: File) -> File:
    """Return the folder of a session's one connection."""
    number = session.name.removeprefix("session")
    return sysfs.SYS / "class" / "iscsi_connection" / f"connection{number}:0"
