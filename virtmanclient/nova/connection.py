# SPDX-License-Identifier: Apache-2.0
"""Read and check a ``connection_info``, which Cinder sends of a volume.

A user may read it (``GET /v3/attachments/<id>``) and the database keeps it.
So it holds ids and no secret, and no field of it is used before it is checked
here.  The standard library only.
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping
from typing import Any

DRIVER_VOLUME_TYPE = "virtman"
_IMAGE = re.compile("[A-Za-z0-9][A-Za-z0-9+.:=@_-]{0,99}")
_STORE = re.compile("/dev/[A-Za-z0-9+.:=@_/-]{1,250}")
_CONNECTION_KEYS = frozenset({"target_portal", "target_iqn", "target_lun"})
_CONNECTIONS_MOST = 64


class InvalidConnection(ValueError):
    """A connection_info that cannot be a volume's disk, with the reason."""


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """The disk that the agent is asked for.

    ``store`` is the COW store: a block device of the host, a volume to log in
    to, or None for a file of the agent's own.  ``cow_host`` is the only host
    that has the writes, None when Cinder names no host.  ``keep`` is whether
    the store is written, None when this is unknown: the agent then begins
    anew only on an unwritten store.
    """

    volume: str
    image: str
    connections: tuple[Mapping[str, object], ...] = ()
    store: str | Mapping[str, object] | None = None
    cow_shared: bool = False
    cow_host: str | None = None
    keep: bool | None = None


def is_ours(connection_info: Mapping[str, Any] | None) -> bool:
    """Tell whether a connection_info is of a volume of the agent."""
    kind = (connection_info or {}).get("driver_volume_type")
    return kind == DRIVER_VOLUME_TYPE


def volume_id(connection_info: Mapping[str, Any]) -> str:
    """Return the volume's id, the agent's name for the disk.

    The volume's, not the server's: a server may have several such disks.

    :raises InvalidConnection: the id is missing, or not a UUID
    """
    serial = connection_info.get("serial")
    try:
        return str(uuid.UUID(serial))
    except (ValueError, TypeError, AttributeError):
        raise InvalidConnection(
            f"the connection_info's serial {serial!r:.60} is not a volume id"
        ) from None


def is_shared(connection_info: Mapping[str, Any]) -> bool:
    """Tell whether every host reaches the volume's COW store."""
    data = connection_info.get("data")
    return isinstance(data, Mapping) and data.get("cow_shared") is True


def read(connection_info: Mapping[str, Any]) -> Disk:
    """Return the disk that a connection_info asks for.

    :raises InvalidConnection: a field cannot be right
    """
    data = connection_info.get("data")
    if not isinstance(data, Mapping):
        raise InvalidConnection("the connection_info has no data")
    if connection_info.get("multiattach"):
        raise InvalidConnection(
            "the volume is for several servers (multiattach), and this disk "
            "takes the writes of one; use a volume for each server"
        )
    return Disk(
        volume=volume_id(connection_info),
        image=_matching(data, "image_name", _IMAGE),
        connections=_connections(data.get("image_connections")),
        **_cow(data),
    )


def _cow(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the COW store is, and whether it is written.

    A store on another host tells by itself whether it is written.  So where
    Cinder knows of no writes, the store is asked, and never wiped.
    """
    shared, host = data.get("cow_shared", False), data.get("cow_host")
    if not isinstance(shared, bool):
        raise InvalidConnection(f"cow_shared {shared!r:.20} is not a boolean")
    if host is not None and not isinstance(host, str):
        raise InvalidConnection(f"cow_host {host!r:.60} is not a host name")
    store = _store(data)
    if shared and not store:
        raise InvalidConnection(
            "cow_shared is true, but the connection_info names no store"
        )
    keep = _kept(data)
    if isinstance(store, Mapping) and not keep:
        keep = None
    return {
        "store": store,
        "cow_shared": shared,
        "cow_host": host,
        "keep": keep,
    }


def _store(data: Mapping[str, Any]) -> str | Mapping[str, object] | None:
    """Return the COW store that Cinder names, None without one."""
    if data.get("store") is None:
        return None
    if isinstance(data["store"], Mapping):
        return _connection(data["store"], "the store")
    store = _matching(data, "store", _STORE)
    if ".." in store.split("/"):
        raise InvalidConnection(f"the store {store!r} leads out of /dev")
    return store


def _kept(data: Mapping[str, Any]) -> bool | None:
    """Return whether the disk has been written on, None if unknown.

    Cinder's cow_kept is as old as the attachment.  Nova stores device_path
    when it has connected the volume, so a VM may have written since.
    """
    kept = data.get("cow_kept")
    if kept not in (None, True, False):
        raise InvalidConnection(f"cow_kept {kept!r:.20} is not a boolean")
    return True if data.get("device_path") else kept


def _connections(entries: Any) -> tuple[Mapping[str, object], ...]:
    """Return the connections of the image's sources."""
    if entries is None:
        return ()
    is_list = isinstance(entries, list | tuple)
    if not is_list or len(entries) > _CONNECTIONS_MOST:
        raise InvalidConnection(
            f"image_connections is not a list of at most {_CONNECTIONS_MOST}"
        )
    return tuple(_connection(entry) for entry in entries)


def _connection(
    entry: Any, name: str = "an image connection"
) -> Mapping[str, object]:
    """Return one connection; the agent checks its values.

    A key besides the three is refused by its name alone: its value may be a
    secret.

    :param name: the name of the connection, for the error
    """
    keys = set(entry) if isinstance(entry, Mapping) else set()
    if keys != _CONNECTION_KEYS:
        odd = ", ".join(sorted(map(str, keys ^ _CONNECTION_KEYS)))
        raise InvalidConnection(
            f"{name} has {odd:.60} missing or too much; write "
            "target_portal, target_iqn, target_lun, and no secret"
        )
    return dict(entry)


def _matching(
    data: Mapping[str, Any], name: str, pattern: re.Pattern[str]
) -> str:
    """Return a field of the data that matches a pattern."""
    value = data.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidConnection(f"the {name} {value!r:.60} is not usable")
    return value
