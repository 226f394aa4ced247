# SPDX-License-Identifier: Apache-2.0
"""Read what Cinder says of a volume: a ``connection_info``, checked.

A user may read it (``GET /v3/attachments/<id>``) and the database keeps it,
so it holds ids and no secret, and nothing of it is believed before it is
checked here.  The standard library only.
"""

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
    """That cannot be a volume's disk; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """What the agent is asked for.

    ``store`` is what takes the writes: a block device of the host, a volume
    to log in to, or None for a file of the agent's own.  ``cow_host`` is the
    only host that has the writes, None when nobody has said.  ``keep`` is
    whether there are any, None when nobody knows: the agent begins anew only
    where nothing was written.
    """

    volume: str
    image: str
    connections: tuple[Mapping[str, object], ...] = ()
    store: str | Mapping[str, object] | None = None
    cow_shared: bool = False
    cow_host: str | None = None
    keep: bool | None = None


def is_ours(connection_info: Mapping[str, Any] | None) -> bool:
    """Tell whether a volume is one of the agent's."""
    kind = (connection_info or {}).get("driver_volume_type")
    return kind == DRIVER_VOLUME_TYPE


def volume_id(connection_info: Mapping[str, Any]) -> str:
    """Return the volume's id, under which the agent has its disk.

    The volume's, not the server's: a server may have several such disks.

    :raises InvalidConnection: there is none, or it is no UUID
    """
    found = connection_info.get("serial")
    try:
        return str(uuid.UUID(found))
    except (ValueError, TypeError, AttributeError):
        raise InvalidConnection(
            f"the connection_info's serial {found!r:.60} is no volume id"
        ) from None


def is_shared(connection_info: Mapping[str, Any]) -> bool:
    """Tell whether every host reaches what the VM has written."""
    data = connection_info.get("data")
    return isinstance(data, Mapping) and data.get("cow_shared") is True


def read(connection_info: Mapping[str, Any]) -> Disk:
    """Return the disk that a connection_info asks for.

    :raises InvalidConnection: something in it cannot be right
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
    """Return where the writes are, and whether there are any.

    A volume tells by itself whether it was written on; where Cinder knows of
    nothing it is asked, and never wiped.
    """
    shared, host = data.get("cow_shared", False), data.get("cow_host")
    if not isinstance(shared, bool):
        raise InvalidConnection(f"cow_shared {shared!r:.20} is no boolean")
    if host is not None and not isinstance(host, str):
        raise InvalidConnection(f"cow_host {host!r:.60} is no host name")
    store = _store(data)
    if shared and not store:
        raise InvalidConnection(
            "cow_shared is true and no store says on which device"
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
    """Return what takes the writes, if Cinder says so."""
    if data.get("store") is None:
        return None
    if isinstance(data["store"], Mapping):
        return _connection(data["store"], "the store")
    store = _matching(data, "store", _STORE)
    if ".." in store.split("/"):
        raise InvalidConnection(f"the store {store!r} leads out of /dev")
    return store


def _kept(data: Mapping[str, Any]) -> bool | None:
    """Return whether the disk has been written on.

    What Cinder says is as old as the attachment.  A path is here once Nova
    has connected the volume in it, and Nova keeps it.
    """
    kept = data.get("cow_kept")
    if kept not in (None, True, False):
        raise InvalidConnection(f"cow_kept {kept!r:.20} is no boolean")
    return True if data.get("device_path") else kept


def _connections(found: Any) -> tuple[Mapping[str, object], ...]:
    if found is None:
        return ()
    if not isinstance(found, list | tuple) or len(found) > _CONNECTIONS_MOST:
        raise InvalidConnection(
            f"image_connections is no list of at most {_CONNECTIONS_MOST}"
        )
    return tuple(_connection(one) for one in found)


def _connection(
    one: Any, what: str = "an image connection"
) -> Mapping[str, object]:
    """Return one connection; values are the agent's to check.

    A key besides the three is refused by its name alone: it may be a secret.
    """
    keys = set(one) if isinstance(one, Mapping) else set()
    if keys != _CONNECTION_KEYS:
        odd = ", ".join(sorted(map(str, keys ^ _CONNECTION_KEYS)))
        raise InvalidConnection(
            f"{what} has {odd:.60} missing or too much; it has "
            "target_portal, target_iqn, target_lun, and no secret"
        )
    return dict(one)


def _matching(
    data: Mapping[str, Any], name: str, pattern: re.Pattern[str]
) -> str:
    found = data.get(name)
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise InvalidConnection(f"the {name} {found!r:.60} is not usable")
    return found
