# SPDX-License-Identifier: Apache-2.0
"""``volt member``: the nodes, and when they were heard of."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from voltclient.branches import Branches
from voltclient.client import Client
from voltclient.commands import base, failures
from voltclient.commands.values import Lines, Seconds
from voltclient.exceptions import NotFound
from voltclient.members import Member
from voltclient.trees import TreePeer


class ListMembers(base.List):
    """List the nodes that volt hears of.

    age is how long ago a node was heard of, due when it is evicted if it
    stays silent, peers the number of its places in trees.
    """

    columns = ("host", "age", "due", "peers")
    examples = ("member list", "member list -f csv | wc -l")

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return a row for each node, fetched as they are printed."""
        members = self.client.members.iterate()
        return self.columns, (_facts(member) for member in members)


class ShowMember(base.Show):
    """Show a node and its place in each tree.

    volt keeps trees, not lists of what a node has: they are looked through
    until all of its places are found.
    """

    columns = (*ListMembers.columns, "places")
    examples = ("member show 192.168.137.11",)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the argument that names the node."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "host",
            metavar="HOST",
            help="the node as 'volt member list' has it",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return the fields and the places of the node."""
        member = _find(self.client, parsed_args.host)
        places = Lines(list(_places(self.client, member)))
        return self.columns, (*_facts(member), places)


def _facts(member: Member) -> tuple[Any, ...]:
    return member.host, Seconds(member.age), Seconds(member.due), member.peers


def _find(client: Client, host: str) -> Member:
    for member in client.members.iterate():
        if member.host == host:
            return member
    raise failures.Missing(
        f"volt hears of no node {host}; 'volt member list' names the nodes"
    )


def _places(client: Client, member: Member) -> Iterator[dict[str, Any]]:
    missing = member.peers
    for volume in client.volumes.list() if missing else []:
        for peer in _peers(client, volume.id):
            if peer.member != member.host:
                continue
            yield {
                "volume": volume.id,
                "status": peer.status,
                "depth": peer.depth,
                "parent": peer.parent,
            }
            missing -= 1
            if not missing:
                return


def _peers(client: Client, volume_id: str) -> Iterator[TreePeer]:
    with contextlib.suppress(NotFound):
        yield from Branches(client.trees, volume_id).by_level()
