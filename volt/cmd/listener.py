# SPDX-License-Identifier: Apache-2.0
"""Opens the listening socket, with errors that name the remedy."""

from __future__ import annotations

import contextlib
import errno
import resource
import socket

from volt.exception import ConfigError

RESERVE = 64
"""Descriptors kept from clients, for the registry, the log and signals."""


def listen(host: str, port: int, backlog: int, keepidle: int) -> socket.socket:
    """Return a socket that listens; raise ``ConfigError`` if it cannot.

    It does not wait for an address in use: the process that holds it seldom
    ends by itself, and an operator wants to know at once.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit both.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, keepidle)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ConfigError(_reason(host, port, error)) from error
    return listener


def room(wanted: int) -> int:
    """Return the number of connections that descriptors allow, up to wanted.

    The limit of descriptors is raised first, to its hard limit.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, allowed - RESERVE))


def _reason(host: str, port: int, error: OSError) -> str:
    where = f"cannot listen on {host} port {port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}: the address is in use, perhaps by another volt-api; "
            f"`ss -ltnp sport = :{port}` names the process: stop it, or "
            "choose another bind_port"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this host has no such address; see bind_host"
    if error.errno == errno.EACCES:
        return f"{where}: not permitted; choose a bind_port above 1023"
    return f"{where}: {error.strerror or error}"
