# SPDX-License-Identifier: Apache-2.0
"""``volt image``: the images that image servers serve."""

from __future__ import annotations

import argparse
from typing import Any

from voltclient.commands import base, portals
from voltclient.commands.values import Size

SECTOR = 512


class ListImages(base.List):
    """List the images that image servers have registered."""

    columns = ("id", "size", "serial", "sources")
    examples = ("image list", "image list -f json")

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return a row for each image."""
        images = self.client.images.list()
        return self.columns, (
            (
                image.id,
                Size(image.size * SECTOR),
                image.serial,
                len(image.sources),
            )
            for image in images
        )


class ShowImage(base.Show):
    """Show an image, and the image servers that serve it.

    Of two images of one name, generation and serial tell which is meant: an
    agent reads from no disk with another serial.  The digest is there once
    an image server has computed it.
    """

    columns = ("id", "size", "generation", "serial", "digest", "sources")
    examples = (
        "image show volume-image1",
        "image show volume-image1 -f value -c size",
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the argument that names the image."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "image",
            metavar="IMAGE",
            help="the image's id as 'volt image list' has it, volume-image1",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Any]:
        """Return the fields of the image."""
        image = self.client.images.get(parsed_args.image)
        return self.columns, (
            image.id,
            Size(image.size * SECTOR),
            image.generation,
            image.serial,
            image.digest,
            portals.lines(image.sources),
        )
