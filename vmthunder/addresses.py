# SPDX-License-Identifier: Apache-2.0
"""Addresses of hosts, as texts."""

from __future__ import annotations

import ipaddress


def plain(address: str) -> str:
    """Return an IPv4 address without the form that IPv6 sockets give it.

    ``::ffff:10.0.0.1`` is 10.0.0.1 (RFC 4291, 2.5.5.2); other texts stay.
    """
    try:
        mapped = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
    except ValueError:
        return address
    return str(mapped or address)


def is_loopback(host: str) -> bool:
    """Tell whether an address is one that this host alone can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain(host)).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Return a host as it stands before a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def host_port(host: str, port: int) -> str:
    """Return ``host:port``, IPv6 addresses in brackets (RFC 3986, 3.2.2)."""
    return f"{bracketed(host)}:{port}"
