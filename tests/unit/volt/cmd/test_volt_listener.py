# SPDX-License-Identifier: Apache-2.0
"""Errors of listening name the remedy."""

import pytest

from volt.cmd.listener import listen
from volt.exception import ConfigError


def test_an_address_in_use_is_named_at_once_with_the_remedy():
    with listen("127.0.0.1", 0, 5, 60) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{port}.*in use.*bind_port"):
            listen("127.0.0.1", port, 5, 60)


def test_an_address_that_is_not_ours_is_named():
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1.*no such address"):
        listen("192.0.2.1", 0, 5, 60)


def test_the_ipv6_wildcard_listens_on_ipv4_too():
    import socket

    try:
        server = listen("::", 0, 5, 60)
    except ConfigError:
        pytest.skip("this host has no IPv6")
    with server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
