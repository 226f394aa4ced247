# SPDX-License-Identifier: Apache-2.0
"""``virtman instance`` makes, shows and removes the VM disks of a host."""

from __future__ import annotations

import argparse
from typing import Any

from virtman import names
from virtman.cli import asking
from virtmanclient.doors.verbs import Verbs

_COLUMNS = ("name", "image", "path", "store")
_NAME = ("name", "the instance's name")


class ListInstances(asking.List):
    """List the instances of this host.

    path is the VM's disk, empty for an instance that was deactivated; store
    is how the place of its writes is: fine, full or invalid.
    """

    columns = _COLUMNS
    examples = ("instance list", "instance list -f json")
    ask = staticmethod(Verbs.instances)


class ShowInstance(asking.Show):
    """Show one instance."""

    takes = (_NAME,)
    examples = ("instance show vm1",)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return the facts of the instance."""
        instance = asking.named(
            self.agent.instances(), parsed_args.name, "instance"
        )
        return self.columns_and_row(instance)


class CreateInstance(asking.Show):
    """Make a VM's disk, and print its path.

    One that was deactivated comes back with all that was written.  The same
    request again changes nothing.
    """

    takes = (_NAME, ("image", "the image's name"))
    examples = (
        "instance create vm1 image1",
        "instance create vm1 image1 --from ms1:3260 --from ms2:3260",
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with the options for image servers and store."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--from",
            dest="servers",
            action="append",
            default=[],
            metavar="HOST[:PORT]",
            help="an image server that serves it; may be given again; by "
            "default volt knows them",
        )
        parser.add_argument(
            "--store",
            metavar="DEVICE",
            help="a block device for what the VM writes; by default a file "
            "of the agent's own",
        )
        parser.add_argument(
            "--keep",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="whether what another host has written on the store is to "
            "be kept; by default a store that was written on is refused",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Make the instance; return its name and its path."""
        image = parsed_args.image
        iqn = names.DEFAULT_IQN_PREFIX + _key(image)
        path = self.agent.create(
            parsed_args.name,
            image,
            [_connection(server, iqn) for server in parsed_args.servers],
            parsed_args.store,
            parsed_args.keep,
        )
        return self.columns_and_row({"name": parsed_args.name, "path": path})


class DeleteInstance(asking.Do):
    """Remove a VM's disk, and what the VM has written.

    With --keep-data what was written stays, and instance create of the same
    name brings it back.  What is not there is gone already.
    """

    takes = (_NAME,)
    examples = ("instance delete vm1", "instance delete --keep-data vm1")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with the option that keeps the writes."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--keep-data", action="store_true", help="remove the disk alone"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove the instance, or its device alone with --keep-data."""
        if parsed_args.keep_data:
            self.agent.deactivate(parsed_args.name)
        else:
            self.agent.destroy(parsed_args.name)


def _key(image: str) -> str:
    """Return the name under which an image is exported."""
    prefix = names.IMAGE_PREFIX
    return image if image.startswith(prefix) else prefix + image


def _connection(portal: str, iqn: str) -> dict[str, object]:
    return {"target_portal": portal, "target_iqn": iqn, "target_lun": 1}
