# SPDX-License-Identifier: Apache-2.0
"""The command ``vmtrun --openstack``: servers of Nova, from a file of steps.

The file is vmtrun's own.  NODE is a compute host, by Nova's name or by its
address, or ``*`` for the scheduler's choice.  VM is the server's name.  The
image server is passed over, for Glance and Cinder have the images.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shlex
import sys
from collections.abc import Sequence

from virtmanclient.batch import plan
from virtmanclient.batch.steps import CreateInstance, ListInstances
from virtmanclient.openstack import access, jobs, options, report
from virtmanclient.openstack.batch import Batch
from virtmanclient.openstack.cloud import Cloud
from virtmanclient.openstack.errors import CloudError
from virtmanclient.openstack.jobs import Job
from virtmanclient.openstack.launch import Launch
from virtmanclient.openstack.removal import Removal
from virtmanclient.openstack.request_state import Pace, Record, State
from virtmanclient.openstack.watch import watch

ALL_GOOD, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
DETAILS = """\
the file, one step a line (the file of vmtrun, with these meanings):
  + NODE VM IMAGE_SERVER IMAGE   boot server VM from Glance's IMAGE on NODE
  - NODE VM                      delete it
  @ NODE                         list the servers of that node
  # anything                     a comment

NODE is a compute host, by Nova's name or its address, or * for the scheduler's
choice.  Only an administrator can choose a host.  IMAGE_SERVER is passed over.
An existing server is not made again, and only servers that were made here are
deleted.

example:
  + compute-1 vm1 - debian-12
  + *         vm2 - debian-12
"""


def main(argv: Sequence[str]) -> int:
    """Run ``vmtrun --openstack``; return its exit status."""
    given = _parser().parse_args(argv)
    try:
        todo = plan.load(given.file, plan.NODELIST_CFG)
        for bad in todo.bad_lines:
            print(bad, file=sys.stderr)
        cloud = access.connect(given.os_cloud)
        work = _jobs(given, todo, cloud)
        return _work(given, todo, cloud, work)
    except OSError as error:
        print(f"vmtrun: {given.file}: {error.strerror}", file=sys.stderr)
    except CloudError as error:
        print(f"vmtrun: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return BAD_INPUT


def _jobs(
    given: argparse.Namespace, todo: plan.Plan, cloud: Cloud
) -> list[Job]:
    """Return the jobs of a file, all its names looked up beforehand."""
    steps = jobs.removed(todo.steps) if given.delete else todo.steps
    wanted = options.Plan(given)
    named = jobs.images(steps)
    if named:
        wanted.refuse_nonsense()
    boots = {image: wanted.boot(cloud, image) for image in named}
    return jobs.read(steps, boots, jobs.hosts(cloud, steps))


def _work(
    given: argparse.Namespace, todo: plan.Plan, cloud: Cloud, work: list[Job]
) -> int:
    """Do the jobs one after the other, print their results."""
    records: list[Record] = []
    interrupted, seconds = False, 0.0
    for job in work:
        batch = _batch(job, cloud, options.pace(given))
        if batch is None:
            records += _list(job, cloud)
            continue
        undo = _undo(given) if isinstance(batch, Launch) else ""
        interrupted = watch(batch, sys.stderr, undo)
        records += batch.records
        seconds += batch.seconds
        if interrupted:
            break
    status = _status(todo, records, interrupted)
    if given.json:
        _print_json(todo, records, status)
    else:
        table = f"{report.table(records)}\n" if records else ""
        verdict = report.verdict(records, seconds)
        print(f"{table}{todo.file}: {verdict}")
    return status


def _batch(job: Job, cloud: Cloud, pace: Pace) -> Batch | None:
    if job.kind is ListInstances:
        return None
    kind = Launch if job.kind is CreateInstance else Removal
    return kind(cloud, job.requests, pace)


def _list(job: Job, cloud: Cloud) -> list[Record]:
    servers = cloud.servers()
    return [
        Record(
            request, State.OK, host="", message=jobs.listed(request, servers)
        )
        for request in job.requests
    ]


def _undo(given: argparse.Namespace) -> str:
    words = ["vmtrun", "--openstack", "--delete"]
    if given.os_cloud:
        words.append(f"--os-cloud={given.os_cloud}")
    return shlex.join([*words, str(given.file)])


def _status(
    todo: plan.Plan, records: Sequence[Record], interrupted: bool
) -> int:
    if interrupted:
        return INTERRUPTED
    if todo.bad_lines:
        return BAD_INPUT
    return ALL_GOOD if report.all_good(records) else SOME_FAILED


def _print_json(
    todo: plan.Plan, records: Sequence[Record], status: int
) -> None:
    whole = {
        "file": todo.file,
        "exit_status": status,
        "servers": [report.data(record) for record in records],
        "bad_lines": [
            {"line": bad.line, "text": bad.text, "remedy": bad.remedy}
            for bad in todo.bad_lines
        ],
    }
    print(json.dumps(whole, indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vmtrun --openstack",
        description="Boot, delete and list servers of Nova, as a file of "
        "steps says; each from a volume of its own, made of the image.",
        epilog=DETAILS + options.CREDENTIALS + options.EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=pathlib.Path,
        default=pathlib.Path("nodelist.cfg"),
        help="file of steps (default: %(default)s, in this directory)",
    )
    parser.add_argument(
        "--delete",
        action="store_true",
        help="delete what the lines with + make; the other lines do nothing",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object in place of the table",
    )
    options.add_boot(parser)
    options.add_run(parser)
    return parser
