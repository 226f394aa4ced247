# SPDX-License-Identifier: Apache-2.0
"""``virtman burst`` boots many servers of one image, through Nova."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from virtman.cli import base
from virtmanclient.openstack import access, options, report, server_requests
from virtmanclient.openstack.batch import Batch
from virtmanclient.openstack.cloud import Cloud
from virtmanclient.openstack.errors import CloudError
from virtmanclient.openstack.launch import Launch
from virtmanclient.openstack.removal import Removal
from virtmanclient.openstack.watch import watch

INTERRUPTED = 130
DETAILS = f"""
The servers are PREFIX-1, PREFIX-2 and so on.  One that is there already, and
was made here, is not made again: the same command once more makes what is
missing.  Each server has the tag {server_requests.TAG}; --delete takes away
those of PREFIX that have it, their volumes too, and no other.

To choose hosts takes an administrator.  Progress goes to standard error.

examples:
  virtman burst debian-12 100 --flavor m1.small --volume-type virtman
  virtman burst debian-12 100 --flavor m1.small --prefix lab -f json
  virtman burst --delete --prefix lab
"""


class Burst(base.List):
    """Boot many servers of one image through Nova, or take them away.

    Asks for COUNT servers, each with a root disk of its own, waits until all
    are ACTIVE or have failed, and prints a line for each: its host, the
    result, when Nova took the request and when it was done (seconds into the
    run), and why it failed, in Nova's words.
    """

    columns = report.COLUMNS

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "image", nargs="?", metavar="IMAGE", help="Glance's name or id"
        )
        parser.add_argument(
            "count", nargs="?", type=_count, metavar="COUNT", help="how many"
        )
        parser.add_argument(
            "--prefix",
            default="burst",
            help="what their names begin with (default: %(default)s)",
        )
        parser.add_argument(
            "--hosts",
            default="",
            metavar="HOST,...",
            help="compute hosts, by Nova's names, each in its turn (default: "
            "the scheduler chooses)",
        )
        parser.add_argument(
            "--delete",
            action="store_true",
            help="delete the servers of PREFIX; with COUNT, the first COUNT",
        )
        options.add_boot(parser)
        options.add_run(parser)
        return parser

    def get_epilog(self) -> str:
        """Return the details, the exit statuses and the columns."""
        columns = super().get_epilog()
        return "\n".join(
            [DETAILS + options.CREDENTIALS + options.EXIT_STATUS, columns]
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; an error before its first request is of usage."""
        try:
            return super().run(parsed_args)
        except CloudError as error:
            return self.fail(error, base.USAGE)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], list[tuple[object, ...]]]:
        """Boot or delete the servers; return the columns and a row each."""
        _refuse_nonsense(parsed_args)
        cloud = access.connect(parsed_args.os_cloud)
        batch = _batch(parsed_args, cloud)
        undo = "" if parsed_args.delete else _undo(parsed_args)
        interrupted = watch(batch, self.app.stderr, undo)
        verdict = report.verdict(batch.records, batch.seconds)
        print(verdict, file=self.app.stderr)
        if not report.all_good(batch.records):
            self.status = base.WRONG
        if interrupted:
            self.status = INTERRUPTED
        return self.columns, [*map(report.values, batch.records)]


def _refuse_nonsense(given: argparse.Namespace) -> None:
    if given.delete:
        return
    if given.image is None or given.count is None:
        raise CloudError(
            "which IMAGE, and how many? virtman burst IMAGE COUNT"
        )
    options.Plan(given).refuse_nonsense()


def _batch(given: argparse.Namespace, cloud: Cloud) -> Batch:
    pace = options.pace(given)
    if not given.delete:
        boot = options.Plan(given).boot(cloud, given.image)
        hosts = [host for host in given.hosts.split(",") if host]
        wanted = server_requests.numbered(
            given.prefix, given.count, hosts, boot
        )
        return Launch(cloud, wanted, pace)
    there = [server.key for server in cloud.servers()]
    going = [*server_requests.made(given.prefix, there)]
    if given.count is not None:
        first = {
            request.name
            for request in server_requests.numbered(given.prefix, given.count)
        }
        going = [request for request in going if request.name in first]
    return Removal(cloud, going, pace)


def _undo(given: argparse.Namespace) -> str:
    words = ["virtman", "burst", "--delete", f"--prefix={given.prefix}"]
    if given.os_cloud:
        words.append(f"--os-cloud={given.os_cloud}")
    return shlex.join(words)


def _count(text: str) -> int:
    """Read how many; argparse turns ValueError into usage."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
