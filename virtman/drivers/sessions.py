# SPDX-License-Identifier: Apache-2.0
"""Finds the iSCSI sessions of this host, and their disks.

Read from ``/sys/class/iscsi_session`` and ``iscsi_connection``
(``drivers/scsi/scsi_transport_iscsi.c``): sessions outlive the agent, and
the next agent has to find them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File

from virtman import names, sysfs
from virtman.drivers import iscsi
from virtman.path import Path, Source


def standing(iqn: str) -> list[Path]:
    """Return the paths of the agent's sessions with a target.

    A session is the agent's if its disk has the agents' vendor, or if it has
    no disk: an agent was killed before the disk came.  Then the path's device
    is empty.
    """
    paths = (_path(f) for f in sorted(_sessions()) if _target(f) == iqn)
    return [path for path in paths if path is not None]


def logged_in(source: Source) -> bool:
    """Tell whether this host has a session with a source's target."""
    wanted = (source.host, source.port)
    return any(
        _target(f) == source.iqn and _portal(f) == wanted for f in _sessions()
    )


def targets() -> set[str]:
    """Return the iSCSI names of the targets whose images this host reads."""
    return {iqn for iqn in map(_target, _ours()) if names.parse_iqn(iqn)}


def stores() -> set[str]:
    """Return the iSCSI names of the targets whose stores this host uses."""
    return {iqn for iqn in map(_target, _ours()) if names.parse_store_iqn(iqn)}


def failed_stores() -> set[int]:
    """Return the numbers of the failed sessions with COW stores.

    A number is the N of ``sessionN``.
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
    """Yield the folders of the sessions with a disk that an agent exports."""
    return (
        session
        for session in _sessions()
        if any(map(_is_ours, _disks(session)))
    )


def _target(session: File) -> str:
    return sysfs.read(session / "targetname") or ""


def _path(session: File) -> Path | None:
    """Return the path of a session, None if its disks are no agent's."""
    disks = list(_disks(session))
    ours = [disk for disk in disks if _is_ours(disk)]
    host, port = _portal(session)
    if (disks and not ours) or not host:
        return None
    if not ours:
        return Path(Source(host, port, _target(session), iscsi.LUN), "", 0)
    lun = int((ours[0] / "device").resolve().name.split(":")[-1])
    size = int(sysfs.read(ours[0] / "size") or 0)
    device = f"/dev/{ours[0].name}"
    return Path(Source(host, port, _target(session), lun), device, size)


def _disks(session: File) -> Iterator[File]:
    """Yield the disks of a session: session*/device/target*/H:C:I:L."""
    yield from sorted((session / "device").glob("target*/*:*:*:*/block/*"))


def _is_ours(disk: File) -> bool:
    return (sysfs.read(disk / "device" / "vendor") or "").strip() == (
        iscsi.VENDOR
    )


def _portal(session: File) -> tuple[str, int]:
    """Return the host and the port to which a session has logged in."""
    folder = _connection(session)
    host = sysfs.read(folder / "persistent_address") or ""
    return host, int(sysfs.read(folder / "persistent_port") or 0)


def _connection(session: File) -> File:
    """Return the folder of a session's one connection."""
    number = session.name.removeprefix("session")
    return sysfs.SYS / "class" / "iscsi_connection" / f"connection{number}:0"
