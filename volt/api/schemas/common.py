# SPDX-License-Identifier: Apache-2.0
"""Schemas of the values in requests: names, ports, LUNs, addresses.

``title`` names the kind of value: it stands in the API document and in the
error message for a wrong value.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_CONTROL = r"\u0000-\u001f\u007f-\u009f"
# SQL servers compare "a" and "a " as equal: no blanks at the ends.
_PRINTABLE = rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$"


def text(longest: int = 255) -> Schema:
    """Return the schema of a printable text that is not empty."""
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "pattern": _PRINTABLE,
        "title": "printable text without blanks at its ends",
    }


LABEL = text()


def identifier(longest: int) -> Schema:
    """Return the schema of a text that stands in a path.

    Clients take single and double dots out of a path before they send it.
    """
    return text(longest) | {
        "not": {"enum": [".", ".."]},
        "title": "printable text without blanks at its ends, "
        "and other than one dot or two",
    }


VOLUME_ID = identifier(255)
PEER_ID = identifier(511)
"""A host, a colon and a volume id."""
IDENTIFIERS = {
    "volume_id": VOLUME_ID,
    "image_id": VOLUME_ID,
    "peer_id": PEER_ID,
}
"""The schema of each name in braces in the path of a route."""

PORT: Schema = {
    "type": "string",
    "pattern": "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
    "|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
    "title": "a TCP port in digits",
}
LUN: Schema = {
    "type": "string",
    "pattern": "^([0-9]{1,4}|1[0-5][0-9]{3}|16[0-2][0-9]{2}"
    "|163[0-7][0-9]|1638[0-3])$",
    "title": "a LUN in digits",
}

_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}([.]{_BYTE}){{3}}"
# With a zone (RFC 4007), which is an interface's name.
_IPV6 = (
    rf"[0-9A-Fa-f]{{0,4}}(:[0-9A-Fa-f]{{0,4}}){{2,7}}(:{_IPV4})?"
    "(%[A-Za-z0-9_][A-Za-z0-9_.-]{0,14})?"
)
# Labels of RFC 1123, and underscores, which real host names have.
_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]*([.][A-Za-z0-9_][A-Za-z0-9_-]*)*[.]?"
# 2130706433 and 0x7f.1 are addresses to every resolver (inet_aton(3)).
_NUMBER_LIKE = "(^|[.])([0-9]+|0[xX][0-9A-Fa-f]*)[.]?$"
HOST: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 253,
    "anyOf": [
        {"pattern": f"^{_IPV4}$"},
        {"pattern": f"^{_IPV6}$"},
        {"pattern": f"^{_NAME}$", "not": {"pattern": _NUMBER_LIKE}},
    ],
    "title": "an IP address or the name of a host",
}
TARGET: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 223,
    "pattern": "^(iqn[.][0-9]{4}-[0-9]{2}[.]|eui[.]|naa[.])"
    "[A-Za-z0-9+.:=@_-]+$",
    "title": "an iSCSI name",
}
"""RFC 7143, 4.2.7; open-iscsi makes a folder of the name, as root."""

ADDRESS: Schema = {"host": HOST, "port": PORT, "iqn": TARGET, "lun": LUN}

_DIGITS: Schema = {
    "type": "string",
    "pattern": "^[0-9]{1,5}$",
    "title": "digits",
}
TOLD_ADDRESS: Schema = {
    "host": LABEL,
    "port": _DIGITS,
    "iqn": LABEL,
    "lun": _DIGITS,
}
"""For answers, and to name a source to withdraw: the registry may still hold
addresses from an older volt that checked less.  Agents check addresses
themselves."""

INITIATOR: Schema = {
    "type": "string",
    "maxLength": 223,
    "pattern": "^(iqn|eui|naa)[.][A-Za-z0-9.:_-]+$",
    "title": "an iSCSI name",
    "description": "The caller's initiator name.  A caller that gives it gets "
    "tickets for its sources.",
}

FAILED: Schema = {
    "type": "array",
    "maxItems": 32,
    "items": {
        "type": "object",
        # Only compared with registered portals: a beat must not be refused
        # because it names a source that an older volt accepted.
        "properties": {
            "host": TOLD_ADDRESS["host"],
            "port": TOLD_ADDRESS["port"],
        },
        "required": ["host", "port"],
    },
    "description": "Portals at which the node cannot read at present.",
}


def loose(schema: Schema) -> Schema:
    """Return a schema for old clients, which also send numbers and nulls."""
    # No service has port 0 (RFC 6335, section 6); LUN 0 is a valid LUN.
    least, most = (1, 65535) if schema is PORT else (0, 16383)
    number = {"type": "integer", "minimum": least, "maximum": most}
    return {
        "anyOf": [schema, number, {"type": "null"}],
        "title": f"{schema['title']}, a number or null",
    }


def record(**properties: Schema) -> Schema:
    """Return the schema of an object that has all of these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
    }


def listing(items: Schema) -> Schema:
    """Return the schema of a list of ``items``."""
    return {"type": "array", "items": items}


def kind(name: str, description: str, **more: Any) -> Schema:
    """Return the schema of a plain value in an answer."""
    return {"type": name, "description": description, **more}


def or_null(schema: Schema) -> Schema:
    """Return the schema of a plain value that may be null."""
    return schema | {"type": [schema["type"], "null"]}


ADMISSION = record(
    key=kind("string", "The key that checks the tickets of the readers."),
    now=kind("number", "The time, seconds since the epoch."),
) | {"description": "For a caller that is a source of other nodes."}
TICKET = record(
    text=kind("string", "The ticket, to be shown to the source's agent."),
    user=kind("string", "The CHAP user, for the login after that."),
    secret=kind("string", "The CHAP secret, for the login after that."),
) | {"description": "For a caller that gives its initiator name."}
