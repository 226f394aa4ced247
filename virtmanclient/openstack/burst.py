# SPDX-License-Identifier: Apache-2.0
"""A burst: many servers of one image booted through Nova, or taken away."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from virtmanclient.openstack import access, options, report, server_requests
from virtmanclient.openstack.batch import Batch
from virtmanclient.openstack.cloud import Cloud
from virtmanclient.openstack.errors import CloudError
from virtmanclient.openstack.launch import Launch
from virtmanclient.openstack.removal import Removal
from virtmanclient.openstack.watch import watch

DETAILS = f"""
The servers are PREFIX-1, PREFIX-2 and so on.  A server that an earlier run
made is not made again: the same command once more makes the missing ones.
Each server has the tag {server_requests.TAG}; --delete deletes the servers of
PREFIX that have it and their volumes, and no other server.

Only an administrator can choose hosts.  Progress goes to standard error.

examples:
  virtman burst debian-12 100 --flavor m1.small --volume-type virtman
  virtman burst debian-12 100 --flavor m1.small --prefix lab -f json
  virtman burst --delete --prefix lab
"""


@dataclass(frozen=True)
class Outcome:
    """The end of a burst: a row for each server, and how it went."""

    rows: Sequence[tuple[object, ...]]
    all_good: bool
    interrupted: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments and options of a burst to a parser."""
    parser.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="image of Glance, by name or id",
    )
    parser.add_argument(
        "count",
        nargs="?",
        type=_count,
        metavar="COUNT",
        help="number of servers",
    )
    parser.add_argument(
        "--prefix",
        default="burst",
        help="beginning of the servers' names (default: %(default)s)",
    )
    parser.add_argument(
        "--hosts",
        default="",
        metavar="HOST,...",
        help="compute hosts, by Nova's names, taken in turn (default: "
        "the scheduler chooses)",
    )
    parser.add_argument(
        "--delete",
        action="store_true",
        help="delete the servers of PREFIX; with COUNT, the first COUNT",
    )
    options.add_boot(parser)
    options.add_run(parser)


def run(given: argparse.Namespace, progress: TextIO) -> Outcome:
    """Boot or delete the servers that the arguments name.

    :param progress: where it is told how far the servers are.
    :raises CloudError: nothing was asked for yet; the message has the reason.
    """
    _require_sense(given)
    cloud = access.connect(given.os_cloud)
    batch = _batch(given, cloud)
    undo = "" if given.delete else _undo(given)
    interrupted = watch(batch, progress, undo)
    print(report.verdict(batch.records, batch.seconds), file=progress)
    return Outcome(
        [*map(report.values, batch.records)],
        report.all_good(batch.records),
        interrupted,
    )


def _require_sense(given: argparse.Namespace) -> None:
    if given.delete:
        return
    if given.image is None or given.count is None:
        raise CloudError(
            "IMAGE or COUNT is missing; write virtman burst IMAGE COUNT"
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
    """Read the number of servers; argparse turns ValueError into usage."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
