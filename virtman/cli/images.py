# SPDX-License-Identifier: Apache-2.0
"""``virtman image`` shows the images whose stacks stand on a host."""

from __future__ import annotations

import argparse
from typing import Any

from virtman.cli import asking
from virtmanclient.doors.verbs import Verbs


class ListImages(asking.List):
    """List the images that are deployed on this host.

    sectors is the size in units of 512 bytes; reads_from names the portals in
    use, the best first; failed those that cannot be read from now.
    """

    columns = ("name", "sectors", "reads_from", "failed")
    examples = ("image list", "image list -f json")
    ask = staticmethod(Verbs.images)


class ShowImage(asking.Show):
    """Show one image: what it is, where it is read from, its place in volt."""

    takes = (("name", "the image's name, with volume-"),)
    examples = ("image show volume-image1",)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return the facts of the image."""
        image = asking.named(self.agent.images(), parsed_args.name, "image")
        return self.columns_and_row(image)
