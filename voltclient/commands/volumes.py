# SPDX-License-Identifier: Apache-2.0
"""``volt volume``: the volumes, each with its tree."""

from __future__ import annotations

import argparse
from typing import Any

from voltclient.commands import base, portals


class ListVolumes(base.List):
    """List the volumes that have a tree, with the number of their peers."""

    columns = ("id", "peers")
    examples = ("volume list", "volume list -f value -c id")

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return a row for each volume."""
        volumes = self.client.volumes.list()
        return self.columns, ((volume.id, volume.count) for volume in volumes)


class ShowVolume(base.Show):
    """Show the size and shape of a volume's tree, and its image servers."""

    columns = ("id", "peers", "depth", "fanout", "image_servers")
    examples = (
        "volume show volume-image1",
        "volume show volume-image1 -f value -c depth",
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the argument that names the volume."""
        parser = super().get_parser(prog_name)
        add_volume(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return the fields of the volume."""
        tree = self.client.trees.get(parsed_args.volume, limit=1)
        return self.columns, (
            tree.id,
            tree.count,
            tree.depth,
            tree.fanout,
            portals.of(self.client, tree.id),
        )


class DeleteVolume(base.Do):
    """Forget a volume and its tree.

    While peers serve it, volt refuses; --force forgets it all the same.
    Nodes that still serve it are taken back by their next heartbeat, so the
    tree of a volume in use is built anew rather than lost.
    """

    examples = (
        "volume delete volume-image1",
        "volume delete volume-image1 --force",
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments that name the volume and force its deletion."""
        parser = super().get_parser(prog_name)
        add_volume(parser)
        parser.add_argument(
            "--force",
            action="store_true",
            help="even while peers serve it",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Drop the volume."""
        self.client.volumes.logout(parsed_args.volume, force=parsed_args.force)


def add_volume(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a volume."""
    parser.add_argument(
        "volume",
        metavar="IMAGE",
        help="the volume's id as 'volt volume list' has it, volume-image1",
    )
