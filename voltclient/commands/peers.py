# SPDX-License-Identifier: Apache-2.0
"""``volt peer``: the places of nodes in the tree of a volume."""

from __future__ import annotations

import argparse
from typing import Any

from voltclient.branches import Branches
from voltclient.commands import base
from voltclient.commands.volumes import add_volume


class ListPeers(base.List):
    """List the peers of a volume and from where they serve it.

    A pending peer has asked for its place and does not serve yet.  For the
    places themselves see "volt tree".
    """

    columns = ("peer_id", "host", "port", "iqn", "lun", "status")
    examples = (
        "peer list volume-image1",
        "peer list volume-image1 -f csv -c peer_id -c status",
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the argument that names the volume."""
        parser = super().get_parser(prog_name)
        add_volume(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return a row for each peer, fetched as they are printed."""
        branches = Branches(self.client.trees, parsed_args.volume)
        return self.columns, (
            [getattr(peer, name) for name in self.columns]
            for peer in branches.by_level()
        )


class RemovePeer(base.Do):
    """Take a peer out of the tree of a volume.

    The nodes that read from it get other parents with their next heartbeat.
    A node that still serves the volume comes back with its own next one, so
    use this for the peers of nodes that are gone.
    """

    examples = ("peer remove volume-image1 192.168.137.11:volume-image1",)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments that name the volume and the peer."""
        parser = super().get_parser(prog_name)
        add_volume(parser)
        parser.add_argument(
            "peer",
            metavar="PEER",
            help="the peer_id as 'volt peer list IMAGE' has it",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove the peer from the tree."""
        self.client.volumes.logout(parsed_args.volume, parsed_args.peer)
