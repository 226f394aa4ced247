# SPDX-License-Identifier: Apache-2.0
"""The command ``vmtrun``: VM disks on many nodes, from a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from virtmanclient.batch import plan, shell


def _more(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--openstack``, which leads to another command."""
    parser.add_argument(
        "--openstack",
        action="store_true",
        help="boot servers of Nova from the same file, with other options: "
        "'vmtrun --openstack --help'",
    )


COMMAND = shell.Command(
    name="vmtrun",
    default_file="nodelist.cfg",
    grammar=plan.NODELIST_CFG,
    help="Create, destroy and list the VM disks of compute nodes, by a "
    "file of steps.",
    details="""\
the file, one step a line:
  + NODE VM IMAGE_SERVER IMAGE   make /dev/mapper/snapshot_VM on that node
  - NODE VM                      remove it, and what the VM wrote
  @ NODE                         list the VM disks of that node
  # anything                     a comment

Nodes are worked side by side, the steps of one node in the order of the
file.  Progress goes to standard error, the table at the end to standard
output.  A step is "ok" only if the node answered "0:".  IMAGE must be
exported by IMAGE_SERVER already (vmtimg); note that the server stands
before the image here, and after it in vmtapi.create.

example:
  + 192.168.137.103 vm1 192.168.137.102 image1
  + 192.168.137.104 vm1 192.168.137.102 image1
  @ 192.168.137.104
""",
    more=_more,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``vmtrun``, or ``vmtrun --openstack``; return its exit status."""
    words = sys.argv[1:] if argv is None else [*argv]
    first = argparse.ArgumentParser(add_help=False)
    _more(first)
    given, rest = first.parse_known_args(words)
    if not given.openstack:
        return shell.main(COMMAND, words)
    # Imported here: without --openstack none of it is needed.
    from virtmanclient.openstack import nodelist

    return nodelist.main(rest)


if __name__ == "__main__":
    sys.exit(main())
