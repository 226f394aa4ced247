# SPDX-License-Identifier: Apache-2.0
"""Addresses as texts: one name a host, brackets before a port."""

from __future__ import annotations

import pytest

from vmthunder import addresses


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1", "fe80::1"),
        ("", ""),
    ],
)
def test_a_host_has_one_name_by_ipv4_and_ipv6_sockets(address, name):
    assert addresses.plain(address) == name


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"]
)
def test_an_address_of_this_host_alone_is_known(host):
    assert addresses.is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "node1"])
def test_an_address_that_others_reach_is_not_taken_for_the_host_s_own(host):
    assert not addresses.is_loopback(host)


def test_an_ipv6_address_stands_in_brackets_before_a_port():
    assert addresses.host_port("fe80::1", 3260) == "[fe80::1]:3260"
    assert addresses.host_port("10.0.0.1", 3260) == "10.0.0.1:3260"
    assert addresses.host_port("node1", 3260) == "node1:3260"
