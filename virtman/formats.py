# SPDX-License-Identifier: Apache-2.0
"""The formats of hosts, iSCSI names, logins and the like.

Such values come from callers, from volt and from other nodes, and end in the
arguments of root's commands; open-iscsi makes folders of iSCSI names and of
portals.  So each is held, whole, against what it may be, and all are ASCII.
Every function takes any value, of any type.
"""

from __future__ import annotations

import ipaddress
import re

LUN_MAX = 16383
"""The largest of a flat address space (SAM-5, section 4.7.5): 14 bits."""
SECTORS_MAX = 2**53
"""Sectors; 4 ZiB, and exact in every JSON reader."""

# RFC 7143, section 4.2.7: the three kinds of name, at most 223 bytes; of the
# characters only those that mean nothing to a path or a tool's option.
_ISCSI_NAME = re.compile(
    r"(iqn\.[0-9]{4}-[0-9]{2}\.|eui\.|naa\.)[A-Za-z0-9+.:=@_-]{1,211}"
)
# An initiator's is what its operator has written into a file, some of them
# without a date.
_INITIATOR = re.compile(r"(iqn|eui|naa)\.[A-Za-z0-9+.:=@_-]{1,219}")
# Labels of a host's name (RFC 1123), and the underscores that are seen.
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.\w[\w-]*)*\.?", re.A)
_HOST_MAX = 253
# An address's last part.  inet_aton(3), and with it the resolver, takes
# 2130706433, 0x7f.1 and 0177.0.0.1 for addresses, too.
_NUMBER_LIKE = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
# A zone (RFC 4007) is an interface's name, IFNAMSIZ.
_IPV6 = re.compile(r"([0-9A-Fa-f:.]{2,45})(%\w[\w.-]{0,14})?", re.A)
# An IPv6 address has brackets: without them its end is not told from a port.
_PORTAL = re.compile(r"(\[([^][]+)\]|([^][:]+)):([0-9]{1,5})")
# Longer values are cut off in open-iscsi's records.
_LINE = re.compile("[!-~]([ -~]{0,253}[!-~])?")
# Of tgt's; a comma begins the next parameter of tgtadm's --params, and the
# next pair of a request about an account.
_SERIAL = re.compile(r"[!-+\--~]([ -+\--~]{0,34}[!-+\--~])?")
_ACCOUNT = re.compile(r"[!-+\--~]{1,255}")
_DIGEST = re.compile("[a-z0-9]{1,16}:[0-9a-f]{1,128}")
# In base64 and hexadecimal digits; a door reads lines of 4096 bytes.
_TICKET = re.compile(r"[A-Za-z0-9_=-]{1,3600}\.[0-9a-f]{64}")

# Seconds since the epoch: the year 5138.
_TIME_MAX = 10**11


def is_host(value: object) -> bool:
    """Tell whether a value is an IP address or a host's name."""
    if not isinstance(value, str):
        return False
    if ":" in value:
        return _is_ipv6(value)
    if len(value) > _HOST_MAX or not _HOST_NAME.fullmatch(value):
        return False
    last = value.rstrip(".").rpartition(".")[2]
    return not _NUMBER_LIKE.fullmatch(last) or _is_ipv4(value)


def is_port(value: object) -> bool:
    """Tell whether a value is the number of a TCP port."""
    return _is_number(value) and 0 < int(str(value)) < 65536


def is_iscsi_name(value: object) -> bool:
    """Tell whether a value is the iSCSI name of a target."""
    return isinstance(value, str) and bool(_ISCSI_NAME.fullmatch(value))


def is_initiator(value: object) -> bool:
    """Tell whether a value is the iSCSI name of an initiator."""
    return isinstance(value, str) and bool(_INITIATOR.fullmatch(value))


def is_lun(value: object) -> bool:
    """Tell whether a value is the number of a logical unit."""
    return _is_number(value) and int(str(value)) <= LUN_MAX


def is_portal(value: object) -> bool:
    """Tell whether a value is ``host:port`` or ``[IPv6 address]:port``."""
    match = _PORTAL.fullmatch(value) if isinstance(value, str) else None
    if match is None or not is_port(match[4]):
        return False
    return _is_ipv6(match[2]) if match[2] else is_host(match[3])


def is_line(value: object) -> bool:
    """Tell whether a value is 1 to 255 printable characters of ASCII."""
    return isinstance(value, str) and bool(_LINE.fullmatch(value))


def is_serial(value: object) -> bool:
    """Tell whether a value is a serial number that tgt can be given."""
    return isinstance(value, str) and bool(_SERIAL.fullmatch(value))


def is_account(value: object) -> bool:
    """Tell whether a value is a user, or a secret, that tgtd can be given."""
    return isinstance(value, str) and bool(_ACCOUNT.fullmatch(value))


def is_digest(value: object) -> bool:
    """Tell whether a value is an algorithm and hexadecimal digits."""
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value))


def is_ticket(value: object) -> bool:
    """Tell whether a value has the form of a ticket's text."""
    return isinstance(value, str) and bool(_TICKET.fullmatch(value))


def is_whole(value: object, least: int, most: int) -> bool:
    """Tell whether a value is a whole number, and not a truth value."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and least <= value <= most  # type: ignore[operator]


def is_time(value: object) -> bool:
    """Tell whether a value is a time in seconds since the epoch.

    Not NaN, after which no ticket would ever have run out.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < _TIME_MAX  # type: ignore[operator]


def _is_number(value: object) -> bool:
    """Tell whether a value is a number of 1 to 5 digits, or their text."""
    if isinstance(value, str):
        return bool(re.fullmatch("[0-9]{1,5}", value))
    return is_whole(value, 0, 99_999)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    match = _IPV6.fullmatch(text)
    try:
        ipaddress.IPv6Address(match[1] if match else "")
    except ValueError:
        return False
    return True
