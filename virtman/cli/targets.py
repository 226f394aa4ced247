# SPDX-License-Identifier: Apache-2.0
"""``virtman target`` serves RAW files of this host as images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from virtman.cli import asking
from virtmanclient.doors.verbs import Verbs


class ListTargets(asking.List):
    """List the images that this host serves from a file.

    tid is the target's number in tgt, device the loop device on the file.
    """

    columns = ("image", "tid", "device", "iqn")
    examples = ("target list",)
    ask = staticmethod(Verbs.targets)


class CreateTarget(asking.Show):
    """Serve a RAW file as an image.

    The file lies in one of the folders of image_dirs, and does not change
    while it is served.
    """

    takes = (("image", "the image's name to be"),)
    examples = ("target create image1 /srv/images/image1.img",)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with the RAW file and its loop device."""
        parser = super().get_parser(prog_name)
        parser.add_argument("file", type=Path, help="the RAW file")
        parser.add_argument(
            "--loop",
            metavar="DEVICE",
            help="a free loop device; by default the first one",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Make the image target; return its facts."""
        target = self.agent.create_target(
            parsed_args.image,
            # The agent has another working directory than this command.
            str(parsed_args.file.absolute()),
            parsed_args.loop,
        )
        return self.columns_and_row(target)


class DeleteTarget(asking.Do):
    """Serve an image no more; the file stays."""

    takes = (("image", "the image's name"),)
    examples = ("target delete image1",)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove the image target."""
        self.agent.delete_target(parsed_args.image)
