# SPDX-License-Identifier: Apache-2.0
"""Makes and parses every kernel name that the agent uses.

A device-mapper name is ``<role>_<key>``: ``multipath_volume-image1``,
``engine_volume-image1``, ``cached_volume-image1``, ``origin_volume-image1``,
``snapshot_vm1``; all but the second are the tutorial's.  A flashcache group
is named as a whole, after the option fcg_name: ``fcg`` itself, ``ssd_fcg``
and ``cache_fcg``.  Ownership is told by the device-mapper UUID,
``virtman-1-<role>-<key>``: a device that has such a name and another
UUID belongs to another program and is never touched.

Lengths (``include/uapi/linux/dm-ioctl.h``): a name holds 127 bytes and a
UUID 128.  The longest UUID is ``virtman-1-multipath-`` (20 bytes) and the
key; 100 bytes of key leave room for both, and for an iSCSI name, which may
have 223 bytes (RFC 7143, section 4.2.7.2).
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

from virtman.exception import InvalidRequest
from virtman.quoting import quoted

IMAGE_PREFIX = "volume-"
DEFAULT_IQN_PREFIX = "iqn.2010-10.org.openstack:"
KEY_MAX = 100
# RFC 7143, section 4.2.7.2, in bytes; the agent's names are ASCII.
IQN_MAX = 223
SERIAL_PREFIX = "VMT"
# The first word of the agent's CHAP accounts in tgtd.
USER = "virtman"
_UUID_FORMAT = "virtman-1"
# What device-mapper keeps unmangled (libdm, DM_STRING_MANGLING_AUTO), less
# '#': none of these means anything to a path, an iSCSI name or a QEMU option.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:=@_-]*")
_IQN_PREFIX = re.compile(
    r"iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.-]+:([A-Za-z0-9.:_-]*:)?"
)
_IMAGE_MARK = ":" + IMAGE_PREFIX
_STORE_PREFIX = DEFAULT_IQN_PREFIX + "cow-"


class Role(Enum):
    """The part a device plays; the value is its name's first word.

    Except a flashcache group's own name, which is the key alone.
    """

    MULTIPATH = "multipath"
    ENGINE = "engine"
    CACHED = "cached"
    ORIGIN = "origin"
    SNAPSHOT = "snapshot"
    GROUP = "group"
    SSD = "ssd"
    CACHE = "cache"


def check_key(kind: str, text: str) -> str:
    """Return ``text`` if it can be part of every name of the agent.

    :param kind: what the name is of, for the message ("image", "instance").
    :raises InvalidRequest: a character or a length that some name forbids.
    """
    if not isinstance(text, str) or not _KEY.fullmatch(text):
        raise InvalidRequest(
            f"the {kind} name {quoted(text)} is not usable: start with a "
            "letter or a digit and use only letters, digits and + . : = @ _ -"
        )
    if len(text) > KEY_MAX:
        raise InvalidRequest(
            f"the {kind} name {text[:24]!r}... has {len(text)} characters; "
            f"a device-mapper name leaves room for {KEY_MAX}"
        )
    return text


def image_id(image_name: str) -> str:
    """Return the key of an image: its name with ``volume-`` before it."""
    check_key("image", image_name)
    if image_name == IMAGE_PREFIX:
        raise InvalidRequest(
            f"the image name {quoted(image_name)} is only the prefix; add "
            "the name"
        )
    if image_name.startswith(IMAGE_PREFIX):
        return image_name
    return check_key("image", IMAGE_PREFIX + image_name)


def dm_name(role: Role, key: str) -> str:
    """Return the device-mapper name of ``key`` in ``role``."""
    return key if role is Role.GROUP else f"{role.value}_{key}"


def dm_path(role: Role, key: str) -> str:
    """Return the device path of ``key`` in ``role``."""
    return f"/dev/mapper/{dm_name(role, key)}"


def dm_uuid(role: Role, key: str) -> str:
    """Return the device-mapper UUID that marks a device of the agent."""
    return f"{_UUID_FORMAT}-{role.value}-{key}"


def parse_dm_uuid(uuid: str) -> tuple[Role, str] | None:
    """Return role and key of an agent's UUID, None for another UUID."""
    for role in Role:
        prefix = f"{_UUID_FORMAT}-{role.value}-"
        if uuid.startswith(prefix) and len(uuid) > len(prefix):
            return role, uuid[len(prefix) :]
    return None


def parse_dm_name(name: str) -> tuple[Role, str] | None:
    """Return role and key of a name that an agent could have made.

    Its UUID tells whether it is.  A group's own name cannot be told from
    another program's.
    """
    role, _, key = name.partition("_")
    roles = {item.value: item for item in Role if item is not Role.GROUP}
    if role not in roles or not _KEY.fullmatch(key) or len(key) > KEY_MAX:
        return None
    return roles[role], key


def iqn(image: str, prefix: str = DEFAULT_IQN_PREFIX) -> str:
    """Return the iSCSI qualified name under which ``image`` is exported.

    :raises InvalidRequest: the prefix is no iSCSI qualified name's start, or
        :func:`parse_iqn` would not find the image behind it.
    """
    fits = isinstance(prefix, str) and _IQN_PREFIX.fullmatch(prefix)
    if not fits or _IMAGE_MARK in prefix:
        raise InvalidRequest(
            f"the IQN prefix {quoted(prefix)} is not of the form "
            "iqn.YYYY-MM.reversed.domain: (it ends with a colon and has no "
            f"{_IMAGE_MARK!r} in it)"
        )
    if len(prefix) + len(image) > IQN_MAX:
        raise InvalidRequest(
            f"the IQN prefix {quoted(prefix)} has {len(prefix)} characters; "
            f"an iSCSI name leaves room for {IQN_MAX - len(image)}"
        )
    return prefix + image


def parse_iqn(name: str) -> str | None:
    """Return the image of an agent's iSCSI name, None for another name."""
    _, mark, image = name.partition(_IMAGE_MARK)
    return IMAGE_PREFIX + image if mark and image else None


def serial(image: str, sectors: int, generation: str) -> str:
    """Return the SCSI unit serial number that names this very content.

    19 characters; tgt keeps up to 36 (``scsi_sn``).  A name used again for
    another content gives another serial, so that no path to the old content
    can pass for the new.

    :param sectors: size in sectors of 512 bytes.
    """
    text = f"{image}\0{sectors}\0{generation}".encode()
    return SERIAL_PREFIX + hashlib.sha256(text).hexdigest()[:16].upper()


def store_iqn(store: str) -> str:
    """Return the iSCSI name under which a store is written on.

    No image's: :func:`parse_iqn` finds none in it.
    """
    return _STORE_PREFIX + store


def parse_store_iqn(name: str) -> str | None:
    """Return the store of an agent's iSCSI name, None for another name."""
    store = name.removeprefix(_STORE_PREFIX)
    return store if store != name and _KEY.fullmatch(store) else None


def store_serial(store: str) -> str:
    """Return the SCSI unit serial number of a store.

    Of its name alone: the content changes with each write, and a file that
    was brought back from a backup is the same store.
    """
    return SERIAL_PREFIX + short(f"store {store}").upper()


def short(key: str) -> str:
    """Return 16 hexadecimal digits for ``key``, for where room is short.

    A Unix socket's path holds 107 bytes (``unix(7)``), fewer than a key and
    its folder may need.
    """
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def intent_file(kind: str, key: str) -> str:
    """Return the name of the file that holds an intent."""
    return f"{kind}.{key}.json"


def parse_intent_file(name: str) -> tuple[str, str] | None:
    """Return kind and key of an intent's file, None for any other file."""
    kind, _, rest = name.partition(".")
    key = rest.removesuffix(".json")
    if not kind.isalpha() or key == rest or not _KEY.fullmatch(key):
        return None
    return kind, key


def initiator_of(user: str) -> str | None:
    """Return the initiator of an agent's account, None for another account."""
    prefix, _, rest = user.partition(":")
    name, slash, _ = rest.rpartition("/")
    return name if prefix == USER and slash else None
